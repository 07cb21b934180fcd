"""Chapter 02: what its notebook's header says, and its exercises."""

from __future__ import annotations

from sdg_lab.course import Chapter, Exercise, Paper, WrongAnswer
from sdg_lab.course.ch02 import checks
from sdg_lab.models.bayes_net.dag import d_separated

CHAPTER = Chapter(
    number="02",
    title="Bayesian networks",
    builds="A network that draws rows, answers any question exactly and tells seeing from doing; tables and graphs "
    "learned from data, with PyMC as a second opinion; and synthetic tables of mixed types, judged and repaired.",
    read_first="Chapters 00 and 01. What a conditional probability is, and Bayes' rule, will do.",
    papers=(
        Paper(
            "Local Computations with Probabilities on Graphical Structures and Their Application to Expert Systems",
            "Lauritzen and Spiegelhalter",
            1988,
            "https://doi.org/10.1111/j.2517-6161.1988.tb01721.x",
        ),
        Paper(
            "Approximating Discrete Probability Distributions with Dependence Trees",
            "Chow and Liu",
            1968,
            "https://doi.org/10.1109/TIT.1968.1054142",
        ),
        Paper(
            "Learning Bayesian Networks: The Combination of Knowledge and Statistical Data",
            "Heckerman, Geiger and Chickering",
            1995,
            "https://doi.org/10.1007/BF00994016",
        ),
        Paper("Causal Diagrams for Empirical Research", "Pearl", 1995, "https://doi.org/10.1093/biomet/82.4.669"),
        Paper(
            "Sex Bias in Graduate Admissions: Data from Berkeley",
            "Bickel, Hammel and O'Connell",
            1975,
            "https://doi.org/10.1126/science.187.4175.398",
        ),
    ),
)

EXERCISES = (
    Exercise(
        key="02.factorisation",
        title="The probability of a row",
        task="Return log P(row), the sum over all nodes of log P(node | its parents), in nats.",
        points=2,
        minutes=8,
        hints=(
            "One factor for each node; a root's table has no axis for parents.",
            "cpts[node] has one axis for each parent, in the order of parents[node], and the node's own axis last.",
            "Index the table with the tuple (*(row[p] for p in parents[node]), row[node]), and sum the logarithms.",
        ),
        reference=checks.joint_log_prob,
        check=checks.check_factorisation,
        wrong=(
            WrongAnswer("returns the probability", checks.no_log, says="return its logarithm"),
            WrongAnswer("forgets the roots", checks.no_roots, says="roots are missing"),
            WrongAnswer("sums where it should multiply", checks.summed, says="multiply them"),
            WrongAnswer("takes the logarithm to base 2", checks.bits, says="natural logarithm"),
        ),
    ),
    Exercise(
        key="02.elimination",
        title="One step of variable elimination",
        task="Return the tables after one variable has been summed out: those that do not mention it as they were, and "
        "one new table in place of the others.",
        points=3,
        minutes=15,
        hints=(
            "Multiply all tables that mention the variable, then sum over it. All others stay as they are.",
            "Give every name a letter; np.einsum('ab,bc->ac', one, other) multiplies two tables and sums b out.",
            "np.einsum also takes axes as lists of whole numbers: np.einsum(one, [0, 1], other, [1, 2], [0, 2]).",
        ),
        reference=checks.eliminate_one,
        check=checks.check_elimination,
        wrong=(
            WrongAnswer("sums each table, then multiplies", checks.sum_each, says="multiply first, then sum"),
            WrongAnswer("takes the largest", checks.maximum, says="sum over the states"),
            WrongAnswer("keeps the old tables, too", checks.old_tables_kept, says="still mentions"),
            WrongAnswer("multiplies everything", checks.all_multiplied, says="that is what saves the work"),
        ),
    ),
    Exercise(
        key="02.dirichlet",
        title="From prior to posterior",
        task="Return the mean and the standard deviation of each probability, given counts and the prior Dir(α).",
        points=2,
        minutes=8,
        hints=(
            "The posterior is a Dirichlet again: the counts are added to α.",
            "Its mean is (N + α) divided by the total of N + α.",
            "The variance of a probability with mean m is m (1 - m) / (total + 1).",
        ),
        reference=checks.dirichlet_posterior,
        check=checks.check_dirichlet,
        wrong=(
            WrongAnswer("forgets α in the total", checks.prior_on_top, says="the total is ΣN"),
            WrongAnswer("forgets the prior", checks.no_prior, says="prior's α is missing"),
            WrongAnswer("returns the variance", checks.variance, says="take its root"),
            WrongAnswer("forgets the + 1", checks.no_plus_one, says=r"needs \+ 1"),
        ),
    ),
    Exercise(
        key="02.d_separation",
        title="Read independence off the graph",
        task="Return True if every path between a and b is blocked once the nodes in known are known.",
        points=3,
        minutes=20,
        hints=(
            "Follow paths node by node, and remember whether you came from a child (upwards) or a parent (downwards).",
            "Coming from below, a node that is not known lets you on to its parents and children. Coming from above, a "
            "node that is not known lets you on to its children.",
            "Coming from above, a node that is known, or has something known below it, is an open collider: go up to "
            "its parents.",
        ),
        reference=d_separated,
        check=checks.check_d_separation,
        wrong=(
            WrongAnswer("looks for an arrow between them", checks.no_edge, says="paths of any length"),
            WrongAnswer("takes arrows for lines", checks.plain_path, says="collider"),
            WrongAnswer("forgets what is below a collider", checks.descendants_forgotten, says="something below it"),
            WrongAnswer("returns the opposite", checks.turned_round, says="they are"),
        ),
    ),
    Exercise(
        key="02.bic",
        title="The score of one family",
        task="Return Σ N_jk ln(N_jk / N_j) - ½ ln N · (free numbers) for counts of shape (parents' settings, states).",
        points=2,
        minutes=10,
        hints=(
            "The first term is the log-likelihood of the node under its own shares, row by row.",
            "A table of q rows and r states has q (r - 1) free numbers; N is the number of all rows of data.",
            "0 ln 0 is 0: scipy.special.xlogy(n, n) does it, and Σ N_jk ln N_jk - Σ N_j ln N_j is the first term.",
        ),
        reference=checks.bic_of_family,
        check=checks.check_bic,
        wrong=(
            WrongAnswer("adds the penalty", lambda counts: checks.bic_variant(counts, sign=1), says="take it away"),
            WrongAnswer(
                "counts r numbers a row", lambda counts: checks.bic_variant(counts, free=0), says="r - 1 free numbers"
            ),
            WrongAnswer("forgets the half", lambda counts: checks.bic_variant(counts, half=1), says="½ is missing"),
            WrongAnswer("divides by N", checks.bic_joint, says="joint share"),
            WrongAnswer("lets 0 ln 0 be nan", checks.bic_nan, says="a count of 0 contributes 0"),
        ),
    ),
)
