"""What runs the course: exercises, notebooks, grading."""
