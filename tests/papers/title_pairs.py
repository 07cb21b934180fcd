"""Pairs of titles: one paper written in two ways, and two papers of like titles. All are published ones."""

from __future__ import annotations

RESNET = "Deep Residual Learning for Image Recognition"
BERT = "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding"
ATTENTION = "Attention Is All You Need"
LORA = "LoRA: Low-Rank Adaptation of Large Language Models"
CLIP = "Learning Transferable Visual Models From Natural Language Supervision"
VIT = "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale"
LATENT = "High-Resolution Image Synthesis with Latent Diffusion Models"
FEW_SHOT = "Language Models are Few-Shot Learners"
YOLO = "You Only Look Once: Unified, Real-Time Object Detection"
FASTER = "Faster R-CNN: Towards Real-Time Object Detection with Region Proposal Networks"
CHAIN = "Chain-of-Thought Prompting Elicits Reasoning in Large Language Models"
LLAMA_2 = "Llama 2: Open Foundation and Fine-Tuned Chat Models"
BATCH = "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift"
SCORE = "Score-Based Generative Modeling through Stochastic Differential Equations"
T5 = "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer"
ADAM = "Adam: A Method for Stochastic Optimization"
GAT = "Graph Attention Networks"
DDPM = "Denoising Diffusion Probabilistic Models"

FULL: list[tuple[str, str]] = [
    # The venue or the year behind the title, or before it.
    (f"{RESNET} [CVPR 2016]", RESNET),
    (f"{RESNET} (CVPR'16)", RESNET),
    (f"{RESNET} - CVPR 2016", RESNET),
    (f"{RESNET}, CVPR 2016", RESNET),
    (f"{RESNET}. In CVPR, 2016.", RESNET),
    (f"{LATENT} - CVPR 2022", LATENT),
    (f"{LATENT} — CVPR 2022 (Oral)", LATENT),
    (f"{ATTENTION} (NeurIPS'17)", ATTENTION),
    (f"{ATTENTION} (NIPS 2017)", ATTENTION),
    (f"{ATTENTION}. NeurIPS 2017", ATTENTION),
    (f"[NeurIPS 2017] {ATTENTION}", ATTENTION),
    (f"(NIPS 2017) {ATTENTION}", ATTENTION),
    (f"NeurIPS'17: {ATTENTION}", ATTENTION),
    (f"[ICLR'21 Oral] {SCORE}", SCORE),
    (f"{SCORE} (ICLR 2021, Outstanding Paper)", SCORE),
    (f"{FEW_SHOT} (2020)", FEW_SHOT),
    (f"{CLIP} (arXiv 2021)", CLIP),
    (f"{CLIP} | ICML 2021", CLIP),
    (f"{T5} [JMLR]", T5),
    (f"{ADAM} (ICLR 2015)", ADAM),
    (f"{BATCH} @ ICML 2015", BATCH),
    (f"{YOLO} (CVPR 2016) 🔥", YOLO),
    (f"{CHAIN} (arXiv:2201.11903v6)", CHAIN),
    (f"{CHAIN} arXiv 2201.11903", CHAIN),
    (f"{CHAIN} v6", CHAIN),
    (f"{CHAIN} (v6)", CHAIN),
    (f"{FEW_SHOT} [arXiv]", FEW_SHOT),
    (f"2020. {FEW_SHOT}", FEW_SHOT),
    # A singular for a plural.
    ("Improved Training of Wasserstein GAN", "Improved Training of Wasserstein GANs"),
    ("Diffusion Models Beat GAN on Image Synthesis", "Diffusion Models Beat GANs on Image Synthesis"),
    ("Language Models are Few-Shot Learner", FEW_SHOT),
    ("High-Resolution Image Synthesis with Latent Diffusion Model", LATENT),
    ("Scaling Law for Neural Language Models", "Scaling Laws for Neural Language Models"),
    # Cut at the colon, or with dots.
    ("Score-Based Generative Modeling through Stochastic Differential...", SCORE),
    ("Exploring the Limits of Transfer Learning…", T5),
    ("Batch Normalization: Accelerating Deep Network Training…", BATCH),
    ("Learning Transferable Visual Models From ...", CLIP),
    ("You Only Look Once: Unified, Real-…", YOLO),
    ("Faster R-CNN: Towards Real-Time Object Detection with Region Prop...", FASTER),
    ("An Image is Worth 16x16 Words", VIT),
    ("You Only Look Once", YOLO),
    ("Batch Normalization: Accelerating Deep Network Training", BATCH),
    ("Faster R-CNN: Towards Real-Time Object Detection", FASTER),
    (
        "Why do tree-based models still outperform deep learning on tabular data? NeurIPS D&B 2022",
        "Why do tree-based models still outperform deep learning on tabular data?",
    ),
    (
        "XLNet: Generalized Autoregressive Pretraining",
        "XLNet: Generalized Autoregressive Pretraining for Language Understanding",
    ),
    ("DeBERTa: Decoding-enhanced BERT", "DeBERTa: Decoding-enhanced BERT with Disentangled Attention"),
    ("Language Models are Few-Shot Learners…", FEW_SHOT),
    # A nickname before the colon, or behind, that the record has not, or that the list leaves out.
    (f"ResNet: {RESNET}", RESNET),
    (f"Transformer: {ATTENTION}", ATTENTION),
    (f"CLIP: {CLIP}", CLIP),
    (f"ViT: {VIT}", VIT),
    (f"(ViT) {VIT}", VIT),
    (f"[T5] {T5}", T5),
    (f"GPT-3: {FEW_SHOT}", FEW_SHOT),
    (f"{FEW_SHOT} (GPT-3)", FEW_SHOT),
    (f"GPT-3 - {FEW_SHOT}", FEW_SHOT),
    (f"Stable Diffusion: {LATENT}", LATENT),
    (f"YOLO: {YOLO}", YOLO),
    ("Pre-training of Deep Bidirectional Transformers for Language Understanding", BERT),
    ("Low-Rank Adaptation of Large Language Models", LORA),
    (f"{LATENT} (LDM)", LATENT),
    (f"{CHAIN} [CoT]", CHAIN),
    (f"Chain of Thought: {CHAIN}", CHAIN),
    # Punctuation, case, accents, hyphens, "&" and "and".
    ("attention is all you need!", ATTENTION),
    ("ATTENTION IS ALL YOU NEED", ATTENTION),
    ("“Attention Is All You Need”", ATTENTION),
    ("Chain of Thought Prompting Elicits Reasoning in Large Language Models", CHAIN),
    ("Pre Training of Deep Bidirectional Transformers for Language Understanding", BERT),
    ("BERT - Pretraining of Deep Bi-directional Transformers for Language Understanding", BERT),
    ("BERT: Pre–training of Deep Bidirectional Transformers for Language Understanding", BERT),
    ("Llama 2: Open Foundation & Fine-Tuned Chat Models", LLAMA_2),
    ("LLaMA-2: Open Foundation and Fine-tuned Chat Models", LLAMA_2),
    ("Schrödinger bridge flow for unpaired data translation", "Schrodinger Bridge Flow for Unpaired Data Translation"),
    ("Mixup: Beyond Empirical Risk Minimisation", "mixup: Beyond Empirical Risk Minimization"),
    (
        "Lottery Ticket Hypothesis: Finding Sparse, Trainable Neural Networks",
        "The Lottery Ticket Hypothesis: Finding Sparse, Trainable Neural Networks",
    ),
    (
        "What Matters in On-Policy RL? A Large-Scale Empirical Study",
        "What Matters in On-Policy Reinforcement Learning? A Large-Scale Empirical Study",
    ),
    ("An Image is Worth 16×16 Words: Transformers for Image Recognition at Scale", VIT),
    ("Deep Residual Learning for Image Recogniton", RESNET),
    # LaTeX.
    ("{BERT}: Pre-training of Deep Bidirectional Transformers for Language Understanding", BERT),
    ("{L}o{RA}: Low-Rank Adaptation of Large Language Models", LORA),
    ("{{Deep Residual Learning for Image Recognition}}", RESNET),
    (
        r"$\beta$-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework",
        "beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework",
    ),
    (r"{\"U}ber die Ausbreitung der Wellen", "Über die Ausbreitung der Wellen"),
    (
        r"Poincar\'e Embeddings for Learning Hierarchical Representations",
        "Poincaré Embeddings for Learning Hierarchical Representations",
    ),
    (r"\textit{Attention} Is All You Need", ATTENTION),
    # British and American.
    ("Batch Normalisation: Accelerating Deep Network Training by Reducing Internal Covariate Shift", BATCH),
    (
        "Neural Machine Translation by Jointly Learning to Align & Translate",
        "Neural Machine Translation by Jointly Learning to Align and Translate",
    ),
    ("Colourful Image Colourisation and Beyond", "Colorful Image Colorization and Beyond"),
    ("Score-Based Generative Modelling through Stochastic Differential Equations", SCORE),
    (
        "Modelling Relational Data with Graph Convolutional Networks",
        "Modeling Relational Data with Graph Convolutional Networks",
    ),
    ("Analysing and Improving the Image Quality of StyleGAN", "Analyzing and Improving the Image Quality of StyleGAN"),
    ("Distilling Knowledge in a Neural Network", "Distilling the Knowledge in a Neural Network"),
    # Of all these kinds.
    (
        "Momentum Contrast for Unsupervised Visual Representation Learning (MoCo) [CVPR 2020]",
        "Momentum Contrast for Unsupervised Visual Representation Learning",
    ),
    (
        "MoCo v1: Momentum Contrast for Unsupervised Visual Representation Learning",
        "Momentum Contrast for Unsupervised Visual Representation Learning",
    ),
    (
        "A simple framework for contrastive learning of visual representations. ICML'20",
        "A Simple Framework for Contrastive Learning of Visual Representations",
    ),
    (
        "SimCLR — A Simple Framework for Contrastive Learning of Visual Representations",
        "A Simple Framework for Contrastive Learning of Visual Representations",
    ),
    (
        "Masked Autoencoders Are Scalable Vision Learners (CVPR 2022 best paper candidate)",
        "Masked Autoencoders Are Scalable Vision Learners",
    ),
    ("MAE: Masked Autoencoders are Scalable Vision Learners", "Masked Autoencoders Are Scalable Vision Learners"),
    ("Proximal Policy Optimization Algorithm", "Proximal Policy Optimization Algorithms"),
    (
        "Human-Level Control through Deep Reinforcement Learning, Nature 2015",
        "Human-level control through deep reinforcement learning",
    ),
    (
        "Human-level control through deep reinforcement learning (Nature)",
        "Human-level control through deep reinforcement learning",
    ),
    (
        "Mastering the game of Go with deep neural networks and tree search [Nature, 2016]",
        "Mastering the game of Go with deep neural networks and tree search",
    ),
    (
        "AlphaGo: Mastering the game of Go with deep neural networks & tree search",
        "Mastering the game of Go with deep neural networks and tree search",
    ),
    (
        "Training language models to follow instructions with human feedback (InstructGPT)",
        "Training language models to follow instructions with human feedback",
    ),
    (
        "InstructGPT - Training language models to follow instructions with human feedback, NeurIPS 2022",
        "Training language models to follow instructions with human feedback",
    ),
    (
        "Direct Preference Optimization: Your Language Model is Secretly a Reward Model [NeurIPS 2023 Oral]",
        "Direct Preference Optimization: Your Language Model is Secretly a Reward Model",
    ),
    (
        "Direct Preference Optimisation: Your Language Model Is Secretly A Reward Model",
        "Direct Preference Optimization: Your Language Model is Secretly a Reward Model",
    ),
    (
        "DPO: Direct Preference Optimization: Your Language Model is Secretly a Reward Model",
        "Direct Preference Optimization: Your Language Model is Secretly a Reward Model",
    ),
    (
        "Your Language Model is Secretly a Reward Model",
        "Direct Preference Optimization: Your Language Model is Secretly a Reward Model",
    ),
    ("PaLM: Scaling Language Modelling with Pathways", "PaLM: Scaling Language Modeling with Pathways"),
    ("PaLM: Scaling Language Modeling with Pathways (JMLR 2023)", "PaLM: Scaling Language Modeling with Pathways"),
    ("Chinchilla: Training Compute-Optimal Large Language Models", "Training Compute-Optimal Large Language Models"),
    ("Training compute optimal large language models", "Training Compute-Optimal Large Language Models"),
    (
        "Efficient Estimation of Word Representation in Vector Space",
        "Efficient Estimation of Word Representations in Vector Space",
    ),
    ("GloVe: Global Vector for Word Representation (EMNLP 2014)", "GloVe: Global Vectors for Word Representation"),
    (
        "Sequence to Sequence Learning with Neural Networks, NIPS14",
        "Sequence to Sequence Learning with Neural Networks",
    ),
    ("[2014] Sequence to Sequence Learning with Neural Networks", "Sequence to Sequence Learning with Neural Networks"),
    (
        "(2014/09) Sequence to Sequence Learning with Neural Networks",
        "Sequence to Sequence Learning with Neural Networks",
    ),
    (
        "Sequence to Sequence Learning with Neural Networks (Sutskever et al., 2014)",
        "Sequence to Sequence Learning with Neural Networks",
    ),
    ("Sequence-to-Sequence Learning With Neural Networks*", "Sequence to Sequence Learning with Neural Networks"),
    ("1. Sequence to Sequence Learning with Neural Networks", "Sequence to Sequence Learning with Neural Networks"),
    (
        "Densely connected convolutional networks (DenseNet), CVPR 2017 Best Paper",
        "Densely Connected Convolutional Networks",
    ),
    (
        "U-Net: Convolutional Networks for Biomedical Image Segmentation (MICCAI 2015)",
        "U-Net: Convolutional Networks for Biomedical Image Segmentation",
    ),
    (
        "UNet: Convolutional Network for Biomedical Image Segmentation",
        "U-Net: Convolutional Networks for Biomedical Image Segmentation",
    ),
    ("ImageNet Classification with Deep CNNs", "ImageNet Classification with Deep Convolutional Neural Networks"),
    (
        "ImageNet Classification with Deep Convolutional Neural Networks (NeurIPS Proceedings 2012)",
        "ImageNet Classification with Deep Convolutional Neural Networks",
    ),
    (
        "Very Deep Convolutional Networks for Large-Scale Image Recognition (VGG) - ICLR 2015",
        "Very Deep Convolutional Networks for Large-Scale Image Recognition",
    ),
    (
        "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows [code]",
        "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows",
    ),
    (
        "Retrieval-Augmented Generation for Knowledge-Intensive NLP Tasks, NeurIPS 2020",
        "Retrieval-Augmented Generation for Knowledge-Intensive NLP Tasks",
    ),
    (
        "Retrieval Augmented Generation for Knowledge Intensive NLP Tasks (RAG)",
        "Retrieval-Augmented Generation for Knowledge-Intensive NLP Tasks",
    ),
    (
        "ReAct: Synergising Reasoning and Acting in Language Models, ICLR'23",
        "ReAct: Synergizing Reasoning and Acting in Language Models",
    ),
    (
        "Toolformer: Language Models Can Teach Themselves to Use Tools 🔧",
        "Toolformer: Language Models Can Teach Themselves to Use Tools",
    ),
    (
        "Tree of Thoughts: Deliberate Problem Solving with LLMs",
        "Tree of Thoughts: Deliberate Problem Solving with Large Language Models",
    ),
    (
        "Tree-of-Thought: Deliberate Problem Solving with Large Language Models",
        "Tree of Thoughts: Deliberate Problem Solving with Large Language Models",
    ),
    ("Alias-Free Generative Adversarial Networks (StyleGAN3)", "Alias-Free Generative Adversarial Networks"),
    ("{StyleGAN3}: Alias-Free Generative Adversarial Networks", "Alias-Free Generative Adversarial Networks"),
    ("Neural Discrete Representation Learning (VQ-VAE) (NeurIPS 2017)", "Neural Discrete Representation Learning"),
    ("Auto–Encoding Variational Bayes [arXiv:1312.6114v10]", "Auto-Encoding Variational Bayes"),
    (
        "Diffusion Models Beat GANs on Image Synthesis, NeurIPS 2021 (Spotlight)",
        "Diffusion Models Beat GANs on Image Synthesis",
    ),
    (
        "ADM: Diffusion Models Beat GANs on Image Synthesis",
        "Diffusion Models Beat GANs on Image Synthesis",
    ),
    (
        "Elucidating the Design Space of Diffusion-Based Generative Models [EDM]",
        "Elucidating the Design Space of Diffusion-Based Generative Models",
    ),
    (
        "Elucidating the design space of diffusion based generative model",
        "Elucidating the Design Space of Diffusion-Based Generative Models",
    ),
    (
        "DINO — Emerging Properties in Self-Supervised Vision Transformers (ICCV 21)",
        "Emerging Properties in Self-Supervised Vision Transformers",
    ),
    (
        "Bootstrap Your Own Latent (BYOL): A New Approach to Self-Supervised Learning",
        "Bootstrap Your Own Latent: A New Approach to Self-Supervised Learning",
    ),
    (
        "Bootstrap your own latent - a new approach to self-supervised learning",
        "Bootstrap Your Own Latent: A New Approach to Self-Supervised Learning",
    ),
    (
        "Gradient-based learning applied to document recognition (Proc. IEEE, 1998)",
        "Gradient-based learning applied to document recognition",
    ),
    (
        "A Neural Algorithm of Artistic Style [Gatys et al. 2015]",
        "A Neural Algorithm of Artistic Style",
    ),
    (
        '"Why Should I Trust You?": Explaining the Predictions of Any Classifier',
        "“Why Should I Trust You?”: Explaining the Predictions of Any Classifier",
    ),
    (
        'LIME: "Why Should I Trust You?" Explaining the Predictions of Any Classifier',
        '"Why Should I Trust You?": Explaining the Predictions of Any Classifier',
    ),
    (
        "A Unified Approach to Interpreting Model Predictions (SHAP)",
        "A Unified Approach to Interpreting Model Predictions",
    ),
    (
        "node2vec: Scalable Feature Learning for Networks, KDD'16",
        "node2vec: Scalable Feature Learning for Networks",
    ),
    (
        "Speech Recognition with Deep RNNs",
        "Speech Recognition with Deep Recurrent Neural Networks",
    ),
    (
        "Listen, Attend & Spell: A Neural Network for Large Vocabulary Conversational Speech Recognition",
        "Listen, Attend and Spell: A neural network for large vocabulary conversational speech recognition",
    ),
    (
        "wav2vec 2.0: A Framework for Self-Supervised Learning of Speech Representations | NeurIPS 2020",
        "wav2vec 2.0: A Framework for Self-Supervised Learning of Speech Representations",
    ),
    (
        "Wav2Vec2.0: A Framework for Self-Supervised Learning of Speech Representation",
        "wav2vec 2.0: A Framework for Self-Supervised Learning of Speech Representations",
    ),
    (
        "Measuring Massive Multitask Language Understanding [ICLR 2021] [MMLU]",
        "Measuring Massive Multitask Language Understanding",
    ),
    (
        "MMLU: Measuring Massive Multitask Language Understanding...",
        "Measuring Massive Multitask Language Understanding",
    ),
    (
        "Evaluating Large Language Models Trained on Code (Codex, HumanEval)",
        "Evaluating Large Language Models Trained on Code",
    ),
    (
        "Training Verifiers to Solve Math Word Problem",
        "Training Verifiers to Solve Math Word Problems",
    ),
    (
        "STaR: Bootstrapping Reasoning With Reasoning (NeurIPS, 2022)",
        "STaR: Bootstrapping Reasoning With Reasoning",
    ),
    (
        "Scaling Laws for Neural Language Models. arXiv preprint arXiv:2001.08361",
        "Scaling Laws for Neural Language Models",
    ),
    (
        "Scaling Laws for Neural Language Models. arXiv preprint",
        "Scaling Laws for Neural Language Models",
    ),
    (
        "Neural Tangent Kernel: Convergence & Generalisation in Neural Networks",
        "Neural Tangent Kernel: Convergence and Generalization in Neural Networks",
    ),
    (
        "Unsupervised Visual Representation Learning by Context Prediction (ICCV2015)",
        "Unsupervised Visual Representation Learning by Context Prediction",
    ),
    (
        "Gradient Episodic Memory for Continual Learning @ NeurIPS 2017",
        "Gradient Episodic Memory for Continual Learning",
    ),
    (
        "EWC: Overcoming catastrophic forgetting in neural networks (PNAS 2017)",
        "Overcoming catastrophic forgetting in neural networks",
    ),
    (
        "Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks (MAML), ICML 2017",
        "Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks",
    ),
    (
        "Model Agnostic Meta Learning for Fast Adaptation of Deep Network",
        "Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks",
    ),
    (
        "[ICLR 2019] The Lottery Ticket Hypothesis: Finding Sparse, Trainable Neural Networks (best paper)",
        "The Lottery Ticket Hypothesis: Finding Sparse, Trainable Neural Networks",
    ),
    (
        "Deep Compression: Compressing DNNs with Pruning, Trained Quantization and Huffman Coding",
        "Deep Compression: Compressing Deep Neural Networks with Pruning, Trained Quantization and Huffman Coding",
    ),
    (
        "Communication-efficient learning of deep networks from decentralised data",
        "Communication-Efficient Learning of Deep Networks from Decentralized Data",
    ),
    (
        "FedAvg - Communication-Efficient Learning of Deep Networks from Decentralized Data",
        "Communication-Efficient Learning of Deep Networks from Decentralized Data",
    ),
    (
        "Hierarchical Text-Conditional Image Generation with CLIP Latents (DALL·E 2)",
        "Hierarchical Text-Conditional Image Generation with CLIP Latents",
    ),
    (
        "Photorealistic Text-to-Image Diffusion Models with Deep Language Understanding (Imagen) [NeurIPS'22]",
        "Photorealistic Text-to-Image Diffusion Models with Deep Language Understanding",
    ),
    (
        "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks (CycleGAN) ICCV 2017",
        "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks",
    ),
    (
        "Progressive Growing of GANs for Improved Quality, Stability & Variation",
        "Progressive Growing of GANs for Improved Quality, Stability, and Variation",
    ),
    (
        "{GAN}s Trained by a Two Time-Scale Update Rule Converge to a Local {Nash} Equilibrium",
        "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium",
    ),
    (
        "A Style Based Generator Architecture for GANs",
        "A Style-Based Generator Architecture for Generative Adversarial Networks",
    ),
    (
        "Semi-supervised Learning with Deep Generative Model",
        "Semi-Supervised Learning with Deep Generative Models",
    ),
    (
        "Variational Inference with Normalising Flows (ICML 2015)",
        "Variational Inference with Normalizing Flows",
    ),
    (
        "Density estimation using Real NVP [arXiv:1605.08803v3 [cs.LG]]",
        "Density estimation using Real NVP",
    ),
    (
        "Neural Spline Flows. In: NeurIPS 2019",
        "Neural Spline Flows",
    ),
    (
        "Glow: Generative Flow with Invertible 1x1 Convolution",
        "Glow: Generative Flow with Invertible 1x1 Convolutions",
    ),
]
"""A listed title that is full, and its record's: one paper."""

SHORT: list[tuple[str, str]] = [
    ("Faster R-CNN", FASTER),
    ("Batch Normalization", BATCH),
    ("Wasserstein GANs", "Wasserstein GAN"),
    ("Wasserstein GAN (ICML 2017)", "Wasserstein GAN"),
    ("Mask R-CNN [ICCV'17]", "Mask R-CNN"),
    ("Mask RCNN", "Mask R-CNN"),
    ("Segment Anything - ICCV 2023", "Segment Anything"),
    ("SAM: Segment Anything", "Segment Anything"),
    ("Graph Attention Network", GAT),
    ("GAT: Graph Attention Networks", GAT),
    ("Graph Attention Networks (ICLR 2018)", GAT),
    ("Denoising Diffusion Probabilistic Model", DDPM),
    ("DDPM: Denoising Diffusion Probabilistic Models", DDPM),
    ("Generative Adversarial Networks", "Generative Adversarial Nets"),
    ("Neural Ordinary Differential Equations. NeurIPS 2018", "Neural Ordinary Differential Equations"),
    ("Auto-Encoding Variational Bayes, ICLR'14", "Auto-Encoding Variational Bayes"),
    ("Qwen2 Technical Report (arXiv 2024)", "Qwen2 Technical Report"),
    ("GPT4 Technical Report", "GPT-4 Technical Report"),
    ("Layer Normalisation", "Layer Normalization"),
    ("Group Normalization, ECCV 2018", "Group Normalization"),
    ("Swin Transformer", "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows"),
    ("Visual Instruction Tuning (LLaVA)", "Visual Instruction Tuning"),
    ("LLaVA: Visual Instruction Tuning", "Visual Instruction Tuning"),
    ("LSTM", "Long Short-Term Memory"),
    ("Long Short Term Memory", "Long Short-Term Memory"),
    (
        "Deep Sets (NeurIPS 2017)",
        "Deep Sets",
    ),
    (
        "Attention U-Net",
        "Attention U-Net: Learning Where to Look for the Pancreas",
    ),
    (
        "Spectral Normalisation for GANs",
        "Spectral Normalization for Generative Adversarial Networks",
    ),
    (
        "Consistency Model",
        "Consistency Models",
    ),
    (
        "World Models [NIPS'18]",
        "World Models",
    ),
    (
        "Deep Image Prior — CVPR’18",
        "Deep Image Prior",
    ),
    (
        "Spatial Transformer Network",
        "Spatial Transformer Networks",
    ),
    (
        "Highway Networks (2015)",
        "Highway Networks",
    ),
]
"""The same for titles of few words."""

NAMES: list[tuple[str, str]] = [
    ("BERT", BERT),
    ("BERT (2018)", BERT),
    ("BERT [NAACL 2019]", BERT),
    ("LoRA", LORA),
    ("Llama 2", LLAMA_2),
    ("Adam", ADAM),
    ("Dropout", "Dropout: A Simple Way to Prevent Neural Networks from Overfitting"),
    ("Swin", "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows"),
    ("Gemini 1.5", "Gemini 1.5: Unlocking multimodal understanding across millions of tokens of context"),
    ("Qwen2.5", "Qwen2.5 Technical Report"),
    ("PPO", "Proximal Policy Optimization Algorithms"),
    ("GPT-4", "GPT-4 Technical Report"),
]
"""Titles cut to one name. With a year alone they are refused: two papers of 2021 go by CLIP."""

REFUSED: list[tuple[str, str]] = [
    ("Layer Norm", "Layer Normalization"),
    ("Stable Diffusion", LATENT),
    ("Prototypical Networks", "Prototypical Networks for Few-shot Learning"),
    ("Image-to-Image Translation with cGANs", "Image-to-Image Translation with Conditional Adversarial Networks"),
    ("Deep Residual Learning", RESNET),
]
"""One paper, as far as anybody can tell, but nothing tells them from "Mask R-CNN" and "Segment Anything" below."""

OTHERS: list[tuple[str, str]] = [
    # One title opens the other.
    ("Segment Anything", "Segment Anything in High Quality"),
    ("Segment Anything", "Segment Anything in Medical Images"),
    ("Segment Anything", "Segment Anything Model for Medical Image Analysis"),
    ("Graph Attention Networks", "Graph Attention Networks with Positional Embeddings"),
    ("Attention Is All You Need", "Attention Is All You Need in Speech Separation"),
    ("Attention Is All You Need", "Attention Is All You Need for Chinese Word Segmentation"),
    ("Neural Ordinary Differential Equations", "Neural Ordinary Differential Equations on Manifolds"),
    ("Deep Learning", "Deep Learning for Symbolic Mathematics"),
    ("Deep Learning", "Deep Learning with Differential Privacy"),
    ("Generative Adversarial Nets", "Generative Adversarial Nets from a Density Ratio Estimation Perspective"),
    ("Generative Adversarial Networks", "Generative Adversarial Networks in Time Series: A Systematic Review"),
    ("Visual Instruction Tuning", "Visual Instruction Tuning with Polite Flamingo"),
    ("Denoising Diffusion Probabilistic Models", "Denoising Diffusion Probabilistic Models in Six Simple Steps"),
    ("Deep Residual Learning for Image Recognition", "Deep Residual Learning for Image Recognition: A Survey"),
    ("Neural Architecture Search", "Neural Architecture Search with Reinforcement Learning"),
    ("Vision Transformers", "Vision Transformers Need Registers"),
    ("Language Models are Few-Shot Learners", "Language Models are Few-Shot Learners for Prognostic Prediction"),
    ("Knowledge Distillation", "Knowledge Distillation from A Stronger Teacher"),
    ("Layer Normalization", "Layer Normalization in the Transformer Architecture"),
    ("Mamba", "Mamba Out: Do We Really Need Mamba for Vision?"),
    # One title closes the other, or stands in it.
    ("Graph Attention Networks", "Heterogeneous Graph Attention Networks"),
    ("Graph Attention Networks", "How Attentive are Graph Attention Networks?"),
    ("Graph Attention Networks", "Hyperbolic Graph Attention Network"),
    ("Graph Convolutional Networks", "Simplifying Graph Convolutional Networks"),
    ("Graph Neural Networks", "How Powerful are Graph Neural Networks?"),
    ("Wasserstein GAN", "Improved Training of Wasserstein GANs"),
    ("Denoising Diffusion Probabilistic Models", "Improved Denoising Diffusion Probabilistic Models"),
    ("Latent Diffusion Models", "Align your Latents: Video Synthesis with Latent Diffusion Models of Scenes"),
    ("Segment Anything", "Fast Segment Anything"),
    ("Segment Anything", "Personalize Segment Anything Model with One Shot"),
    ("Segment Anything", "Faster Segment Anything: Towards Lightweight SAM for Mobile Applications"),
    ("Neural Ordinary Differential Equations", "Augmented Neural ODEs"),
    ("Neural Ordinary Differential Equations", "Latent Neural Ordinary Differential Equations for Irregular Series"),
    ("Mask R-CNN", "Cascade Mask R-CNN"),
    ("Attention Is All You Need", "Is Attention All You Need?"),
    ("Attention Is All You Need", "Attention Is Not All You Need"),
    ("Visual Instruction Tuning", "Improved Baselines with Visual Instruction Tuning"),
    ("Batch Normalization", "How Does Batch Normalization Help Optimization?"),
    ("Batch Normalization", "Rethinking Batch Normalization in Transformers"),
    ("Diffusion Models Beat GANs on Image Synthesis", "Diffusion Models Beat GANs on Image Classification"),
    # Numbers, sizes and editions.
    ("Qwen2 Technical Report", "Qwen2.5 Technical Report"),
    ("Qwen Technical Report", "Qwen2 Technical Report"),
    ("Qwen2.5 Technical Report", "Qwen2.5-VL Technical Report"),
    ("Qwen2.5 Technical Report", "Qwen2.5-Coder Technical Report"),
    ("GPT-4 Technical Report", "GPT-4o System Card"),
    ("Phi-3 Technical Report", "Phi-4 Technical Report"),
    (
        "DeepSeek-V2: A Strong, Economical, and Efficient Mixture-of-Experts Language Model",
        "DeepSeek-V3 Technical Report",
    ),
    ("Segment Anything", "SAM 2: Segment Anything in Images and Videos"),
    ("Llama 2: Open Foundation and Fine-Tuned Chat Models", "LLaMA: Open and Efficient Foundation Language Models"),
    ("The Llama 3 Herd of Models", "Llama 2: Open Foundation and Fine-Tuned Chat Models"),
    ("YOLOv3: An Incremental Improvement", "YOLOv4: Optimal Speed and Accuracy of Object Detection"),
    ("YOLOv7", "YOLOv9: Learning What You Want to Learn Using Programmable Gradient Information"),
    ("Emerging Properties in Self-Supervised Vision Transformers", "DINOv2: Learning Robust Visual Features"),
    ("MobileNetV2: Inverted Residuals and Linear Bottlenecks", "Searching for MobileNetV3"),
    ("EfficientNetV2: Smaller Models and Faster Training", "EfficientNet: Rethinking Model Scaling"),
    ("Gemma: Open Models Based on Gemini Research and Technology", "Gemma 2: Improving Open Language Models"),
    ("Gemma 2: Improving Open Language Models at a Practical Size", "Gemma 3 Technical Report"),
    ("Mamba-2", "Mamba: Linear-Time Sequence Modeling with Selective State Spaces"),
    # One word, or a few, for others.
    ("Language Models are Unsupervised Multitask Learners", "Language Models are Few-Shot Learners"),
    ("Large Language Models are Zero-Shot Reasoners", "Large Language Models are Few-Shot Reasoners"),
    ("Large Language Models are Zero-Shot Reasoners", "Large Language Models are Zero-Shot Rankers"),
    ("Large Language Models are Human-Level Prompt Engineers", "Large Language Models are Zero-Shot Reasoners"),
    ("Denoising Diffusion Probabilistic Models", "Denoising Diffusion Implicit Models"),
    ("Mask R-CNN", "Fast R-CNN"),
    ("Fast R-CNN", "Faster R-CNN: Towards Real-Time Object Detection with Region Proposal Networks"),
    ("A Survey of Large Language Models", "A Survey on Evaluation of Large Language Models"),
    ("A Survey on Large Language Models for Code Generation", "A Survey on Large Language Models for Recommendation"),
    ("A Survey on Vision Transformer", "A Survey on Visual Mamba"),
    ("Scaling Laws for Neural Language Models", "Scaling Laws for Transfer"),
    ("Scaling Laws for Neural Language Models", "Scaling Laws for Autoregressive Generative Modeling"),
    ("Training Compute-Optimal Large Language Models", "Training Large Language Models to Reason"),
    ("Generating Long Sequences with Sparse Transformers", "Generating Wikipedia by Summarizing Long Sequences"),
    (
        "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows",
        "Swin Transformer V2: Scaling Up Capacity and Resolution",
    ),
    ("Video Swin Transformer", "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows"),
    ("Playing Atari with Deep Reinforcement Learning", "Human-level control through deep reinforcement learning"),
    ("Deep Reinforcement Learning with Double Q-learning", "Continuous control with deep reinforcement learning"),
    (
        "A Style-Based Generator Architecture for Generative Adversarial Networks",
        "Alias-Free Generative Adversarial Networks",
    ),
    ("Conditional Generative Adversarial Nets", "Generative Adversarial Nets"),
    (
        "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks",
        "Unsupervised Representation Learning by Predicting Image Rotations",
    ),
    ("Graph Attention Networks", "Graph Transformer Networks"),
    ("Vision Transformer Adapter for Dense Predictions", "Vision Transformers for Dense Prediction"),
    ("Masked Autoencoders Are Scalable Vision Learners", "Masked Autoencoders As Spatiotemporal Learners"),
    ("Tree of Thoughts: Deliberate Problem Solving", "Graph of Thoughts: Solving Elaborate Problems"),
    ("LoRA: Low-Rank Adaptation of Large Language Models", "QLoRA: Efficient Finetuning of Quantized LLMs"),
    ("LoRA: Low-Rank Adaptation of Large Language Models", "DoRA: Weight-Decomposed Low-Rank Adaptation"),
    (
        "Direct Preference Optimization: Your Language Model is Secretly a Reward Model",
        "Identity Preference Optimization: A General Theoretical Paradigm",
    ),
    ("RoBERTa", "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding"),
    ("DistilBERT", "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding"),
    (
        "SpanBERT: Improving Pre-training by Representing and Predicting Spans",
        "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding",
    ),
    ("BART", "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding"),
    ("ELECTRA", "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding"),
    ("Transformer-XL", "Transformers are RNNs: Fast Autoregressive Transformers with Linear Attention"),
    ("Attention Is All You Need", "Attention Augmented Convolutional Networks"),
    ("Auto-Encoding Variational Bayes", "Importance Weighted Autoencoders"),
    ("Neural Discrete Representation Learning", "Generating Diverse High-Fidelity Images with VQ-VAE-2"),
    ("On the Opportunities and Risks of Foundation Models", "On the Dangers of Stochastic Parrots"),
    ("Measuring Massive Multitask Language Understanding", "MMLU-Pro: A More Robust Understanding Benchmark"),
    (
        "Momentum Contrast for Unsupervised Visual Representation Learning",
        "Improved Baselines with Momentum Contrastive Learning",
    ),
    ("Deep Q-Network", "Deep Recurrent Q-Network"),
    ("Proximal Policy Optimization Algorithms", "Truly Proximal Policy Optimization"),
    ("Trust Region Policy Optimization", "Constrained Policy Optimization"),
    (
        "Soft Actor-Critic: Off-Policy Maximum Entropy Deep Reinforcement Learning with a Stochastic Actor",
        "Soft Actor-Critic Algorithms and Applications",
    ),
    (
        "Momentum Contrast for Unsupervised Visual Representation Learning",
        "Dense Contrastive Learning for Self-Supervised Visual Pre-Training",
    ),
    (
        "A Simple Framework for Contrastive Learning of Visual Representations",
        "Big Self-Supervised Models are Strong Semi-Supervised Learners",
    ),
    (
        "Masked Autoencoders Are Scalable Vision Learners",
        "Masked Autoencoders are Efficient Continual Federated Learners",
    ),
    ("Sequence to Sequence Learning with Neural Networks", "Convolutional Sequence to Sequence Learning"),
    ("Training Compute-Optimal Large Language Models", "Training Compute-Optimal Protein Language Models"),
    ("PaLM: Scaling Language Modeling with Pathways", "PaLM 2 Technical Report"),
    ("PaLM-E: An Embodied Multimodal Language Model", "PaLM: Scaling Language Modeling with Pathways"),
    ("Emergent Abilities of Large Language Models", "Are Emergent Abilities of Large Language Models a Mirage?"),
    (
        "Tree of Thoughts: Deliberate Problem Solving with Large Language Models",
        "Large Language Model Guided Tree-of-Thought",
    ),
    (
        "Retrieval-Augmented Generation for Knowledge-Intensive NLP Tasks",
        "Retrieval-Augmented Generation for Large Language Models: A Survey",
    ),
    (
        "Toolformer: Language Models Can Teach Themselves to Use Tools",
        "ToolLLM: Facilitating Large Language Models to Master 16000+ Real-world APIs",
    ),
    ("Visual Instruction Tuning", "Visual Instruction Tuning towards General-Purpose Multimodal Model: A Survey"),
    (
        "BLIP: Bootstrapping Language-Image Pre-training for Unified Vision-Language Understanding and Generation",
        "BLIP-2: Bootstrapping Language-Image Pre-training with Frozen Image Encoders and Large Language Models",
    ),
    ("GPT-4 Technical Report", "GPT-4V(ision) System Card"),
    (
        "Gemini: A Family of Highly Capable Multimodal Models",
        "Gemini 1.5: Unlocking multimodal understanding across millions of tokens of context",
    ),
    ("Mixtral of Experts", "Mistral 7B"),
    ("Code Llama: Open Foundation Models for Code", "Llama 2: Open Foundation and Fine-Tuned Chat Models"),
    (
        "Self-Instruct: Aligning Language Models with Self-Generated Instructions",
        "Self-Refine: Iterative Refinement with Self-Feedback",
    ),
    (
        "Constitutional AI: Harmlessness from AI Feedback",
        "RLAIF: Scaling Reinforcement Learning from Human Feedback with AI Feedback",
    ),
    (
        "FlashAttention: Fast and Memory-Efficient Exact Attention with IO-Awareness",
        "FlashAttention-2: Faster Attention with Better Parallelism and Work Partitioning",
    ),
    ("FlashAttention", "FlashAttention-2: Faster Attention with Better Parallelism and Work Partitioning"),
    ("Rethinking the Inception Architecture for Computer Vision", "Going Deeper with Convolutions"),
    (
        "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning",
        "Rethinking the Inception Architecture for Computer Vision",
    ),
    ("Identity Mappings in Deep Residual Networks", "Wide Residual Networks"),
    ("Deep Residual Learning for Image Recognition", "Identity Mappings in Deep Residual Networks"),
    ("Densely Connected Convolutional Networks", "Convolutional Networks with Dense Connectivity"),
    (
        "Fully Convolutional Networks for Semantic Segmentation",
        "Fully Convolutional Instance-aware Semantic Segmentation",
    ),
    (
        "U-Net: Convolutional Networks for Biomedical Image Segmentation",
        "UNet++: A Nested U-Net Architecture for Medical Image Segmentation",
    ),
    ("U-Net", "Attention U-Net: Learning Where to Look for the Pancreas"),
    ("U-Net", "3D U-Net: Learning Dense Volumetric Segmentation from Sparse Annotation"),
    (
        "End-to-End Object Detection with Transformers",
        "Deformable DETR: Deformable Transformers for End-to-End Object Detection",
    ),
    ("DETR", "Deformable DETR: Deformable Transformers for End-to-End Object Detection"),
    (
        "NeRF: Representing Scenes as Neural Radiance Fields for View Synthesis",
        "Mip-NeRF: A Multiscale Representation for Anti-Aliasing Neural Radiance Fields",
    ),
    ("NeRF", "NeRF in the Wild: Neural Radiance Fields for Unconstrained Photo Collections"),
    (
        "3D Gaussian Splatting for Real-Time Radiance Field Rendering",
        "4D Gaussian Splatting for Real-Time Dynamic Scene Rendering",
    ),
    (
        "Image Super-Resolution Using Deep Convolutional Networks",
        "Accurate Image Super-Resolution Using Very Deep Convolutional Networks",
    ),
    ("Long Short-Term Memory", "Convolutional LSTM Network: A Machine Learning Approach for Precipitation Nowcasting"),
    ("Dropout", "Dropout as a Bayesian Approximation: Representing Model Uncertainty in Deep Learning"),
    ("Adversarial Examples in the Physical World", "Adversarial Examples Are Not Bugs, They Are Features"),
    ("Explaining and Harnessing Adversarial Examples", "Towards Deep Learning Models Resistant to Adversarial Attacks"),
    ("Attention Is All You Need", "Tensor Product Attention Is All You Need"),
    ("Attention Is All You Need", "Attention Is All You Need But You Don't Need All Of It"),
    (
        "Neural Machine Translation by Jointly Learning to Align and Translate",
        "Neural Machine Translation of Rare Words with Subword Units",
    ),
    (
        "Prefix-Tuning: Optimizing Continuous Prompts for Generation",
        "P-Tuning v2: Prompt Tuning Can Be Comparable to Fine-tuning",
    ),
    ("The Power of Scale for Parameter-Efficient Prompt Tuning", "Parameter-Efficient Transfer Learning for NLP"),
    ("Segment Anything", "Segment Anything Meets Point Tracking"),
    ("Denoising Diffusion Implicit Models", "Denoising Diffusion Restoration Models"),
    ("Classifier-Free Diffusion Guidance", "Classifier-Free Guidance is a Predictor-Corrector"),
    ("Consistency Models", "Latent Consistency Models: Synthesizing High-Resolution Images with Few-Step Inference"),
    ("Consistency Models", "Improved Techniques for Training Consistency Models"),
    ("Consistency Models", "Easy Consistency Tuning"),
    ("Flow Matching for Generative Modeling", "Discrete Flow Matching"),
    ("Flow Matching for Generative Modeling", "Conditional Flow Matching for Generative Modeling of Time Series"),
    ("Modeling Tabular Data using Conditional GAN", "CTAB-GAN: Effective Table Data Synthesizing"),
    ("Deep Learning with Differential Privacy", "Scalable Private Learning with PATE"),
    (
        "Membership Inference Attacks Against Machine Learning Models",
        "Membership Inference Attacks From First Principles",
    ),
    ("WaveNet: A Generative Model for Raw Audio", "Parallel WaveNet: Fast High-Fidelity Speech Synthesis"),
    ("WaveNet", "Parallel WaveNet: Fast High-Fidelity Speech Synthesis"),
    ("Playing Atari with Deep Reinforcement Learning", "Playing Atari with Six Neurons"),
    ("World Models", "Structured World Models from Human Videos"),
    ("World Models", "DayDreamer: World Models for Physical Robot Learning"),
    (
        "Consistency Models",
        "Multistep Consistency Models",
    ),
    (
        "Scaling Laws for Neural Language Models",
        "Reconciling Scaling Laws for Neural Language Models",
    ),
    (
        "Measuring Massive Multitask Language Understanding",
        "Measuring Massive Multitask Chinese Understanding",
    ),
    (
        "Training Verifiers to Solve Math Word Problems",
        "Solving Math Word Problems with Process- and Outcome-based Feedback",
    ),
    (
        "Diffusion Models Beat GANs on Image Synthesis",
        "Diffusion Models Beat GANs on Topology Optimization",
    ),
    (
        "Deep Sets",
        "Deep Sets for Generalization in RL",
    ),
    (
        "Bootstrap Your Own Latent: A New Approach to Self-Supervised Learning",
        "BYOL-Explore: Exploration by Bootstrapped Prediction",
    ),
    (
        "node2vec: Scalable Feature Learning for Networks",
        "metapath2vec: Scalable Representation Learning for Heterogeneous Networks",
    ),
    (
        "wav2vec: Unsupervised Pre-training for Speech Recognition",
        "wav2vec 2.0: A Framework for Self-Supervised Learning of Speech Representations",
    ),
    (
        "wav2vec",
        "wav2vec 2.0: A Framework for Self-Supervised Learning of Speech Representations",
    ),
    (
        "Imagen",
        "Imagen Video: High Definition Video Generation with Diffusion Models",
    ),
    (
        "Vision Transformer",
        "Vision Transformers for Dense Prediction",
    ),
    (
        "Stable Diffusion 3",
        "Stable Diffusion XL",
    ),
    (
        "SDXL: Improving Latent Diffusion Models for High-Resolution Image Synthesis",
        "High-Resolution Image Synthesis with Latent Diffusion Models",
    ),
    (
        "Evaluating Large Language Models Trained on Code",
        "Large Language Models Trained on Code: A Security Evaluation",
    ),
    (
        "Mamba: Linear-Time Sequence Modeling with Selective State Spaces",
        "Vision Mamba: Efficient Visual Representation Learning with Bidirectional State Space Model",
    ),
    (
        "Kolmogorov-Arnold Networks",
        "KAN 2.0: Kolmogorov-Arnold Networks Meet Science",
    ),
    (
        "KAN: Kolmogorov-Arnold Networks",
        "KAN 2.0: Kolmogorov-Arnold Networks Meet Science",
    ),
    (
        "Gemma 2: Improving Open Language Models at a Practical Size",
        "Gemma: Open Models Based on Gemini Research and Technology",
    ),
    (
        "DeepSeek-V3 Technical Report",
        "DeepSeek-V3.2 Technical Report",
    ),
    (
        "InternVL 2.5",
        "InternVL 1.5: How Far Are We to GPT-4V?",
    ),
    (
        "Yi: Open Foundation Models by 01.AI",
        "Yi-Lightning Technical Report",
    ),
    (
        "Baichuan 2: Open Large-scale Language Models",
        "Baichuan-M1: Pushing the Medical Capability of Large Language Models",
    ),
    (
        "Visual Prompt Tuning",
        "Visual Prompt Tuning for Test-time Domain Adaptation",
    ),
    (
        "Prompt Tuning",
        "Visual Prompt Tuning",
    ),
    (
        "CoOp: Learning to Prompt for Vision-Language Models",
        "Conditional Prompt Learning for Vision-Language Models",
    ),
    (
        "Learning to Prompt for Vision-Language Models",
        "Learning to Prompt for Continual Learning",
    ),
    (
        "Distilling the Knowledge in a Neural Network",
        "Distilling the Knowledge in Graph Neural Networks",
    ),
    (
        "Gradient Episodic Memory for Continual Learning",
        "Efficient Lifelong Learning with A-GEM",
    ),
    (
        "Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks",
        "Probabilistic Model-Agnostic Meta-Learning",
    ),
    (
        "On First-Order Meta-Learning Algorithms",
        "Meta-Learning with Implicit Gradients",
    ),
    (
        "The Lottery Ticket Hypothesis: Finding Sparse, Trainable Neural Networks",
        "The Lottery Ticket Hypothesis for Pre-trained BERT Networks",
    ),
    (
        "The Lottery Ticket Hypothesis: Finding Sparse, Trainable Neural Networks",
        "Stabilizing the Lottery Ticket Hypothesis",
    ),
    (
        "Communication-Efficient Learning of Deep Networks from Decentralized Data",
        "Federated Learning of Deep Networks using Model Averaging for Speech",
    ),
    (
        "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks",
        "Image-to-Image Translation with Conditional Adversarial Networks",
    ),
    (
        "CycleGAN",
        "Augmented CycleGAN: Learning Many-to-Many Mappings from Unpaired Data",
    ),
    (
        "Prototypical Networks for Few-shot Learning",
        "Infinite Mixture Prototypes for Few-Shot Learning",
    ),
    (
        "Matching Networks for One Shot Learning",
        "Siamese Neural Networks for One-shot Image Recognition",
    ),
    (
        "Progressive Growing of GANs for Improved Quality, Stability, and Variation",
        "Progressive Growing of GANs for Improved Quality",
    ),
    (
        "Highway Networks",
        "Recurrent Highway Networks",
    ),
    (
        "Highway Networks",
        "Training Very Deep Networks",
    ),
    (
        "Spatial Transformer Networks",
        "Inverse Compositional Spatial Transformer Networks",
    ),
    (
        "Neural Turing Machines",
        "Reinforcement Learning Neural Turing Machines",
    ),
    (
        "Pointer Networks",
        "Pointer Sentinel Mixture Models",
    ),
    (
        "Memory Networks",
        "End-To-End Memory Networks",
    ),
    (
        "End-To-End Memory Networks",
        "Key-Value Memory Networks for Directly Reading Documents",
    ),
    (
        "Capsule Networks",
        "Stacked Capsule Autoencoders",
    ),
    (
        "Dynamic Routing Between Capsules",
        "Dynamic Routing Networks",
    ),
    (
        "Matrix capsules with EM routing",
        "Dynamic Routing Between Capsules",
    ),
    (
        "Squeeze-and-Excitation Networks",
        "Gather-Excite: Exploiting Feature Context in Convolutional Neural Networks",
    ),
    (
        "Non-local Neural Networks",
        "Compact Generalized Non-local Network",
    ),
    (
        "Semi-Supervised Learning with Deep Generative Models",
        "Auxiliary Deep Generative Models",
    ),
    (
        "Variational Inference with Normalizing Flows",
        "Improved Variational Inference with Inverse Autoregressive Flow",
    ),
    (
        "Glow: Generative Flow with Invertible 1x1 Convolutions",
        "WaveGlow: A Flow-based Generative Network for Speech Synthesis",
    ),
    (
        "Glow",
        "WaveGlow: A Flow-based Generative Network for Speech Synthesis",
    ),
    (
        "Density estimation using Real NVP",
        "Deep Density Estimation using Flows",
    ),
    ("Physics Informed Deep Learning (Part I)", "Physics Informed Deep Learning (Part II)"),
    ("Physics Informed Deep Learning", "Physics Informed Deep Learning (II)"),
    ("Graph Neural Networks: A Review", "Graph Neural Networks: A Review of Methods and Applications"),
]
"""Titles of two papers; whatever else agrees, the second is not the first."""
