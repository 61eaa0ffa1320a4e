"""All studies: the tables and figures of the paper, and ours."""

from collections.abc import Sequence
from dataclasses import replace

from bench import registry
from bench.spec import NEWER_MODELS, PAPER_MODELS, unknown
from bench.study import Study, Variant

ALL = "all"


def find(names: Sequence[str]) -> list[Study]:
    """Return the studies of these names, each once; "all" means every study."""
    for name in names:
        if name not in (*STUDIES, ALL):
            raise unknown("study", name, [*STUDIES, ALL])
    return list(STUDIES.values()) if ALL in names else [STUDIES[name] for name in dict.fromkeys(names)]


def layers(numbers: Sequence[int], setting) -> tuple[Variant, ...]:
    """Return one variant per number of layers; ``setting`` turns the number into the variant's settings."""
    return tuple(Variant(label=f"{n} layer{'s' * (n > 1)}", hyper=setting(n), n_layers=n) for n in numbers)


V, T = ("visual",), ("textual",)
NO_ID = {"use_id": False}
ONLY_V, ONLY_T = {"modalities": "visual"}, {"modalities": "textual"}
NO_CL = {"use_cl": False}
BASE = Variant(label="Base", hyper={"modalities": "none", **NO_CL})
DEPTHS = range(1, 7)
CAUSAL_PARTS = {  # the setting that switches a part off, and the fewest modalities that the part needs
    "diffusion": ("no_diffusion", 2),  # predicts each from the others
    "back door": ("no_backdoor", 0),
    "front door": ("no_frontdoor", 0),
    "topology": ("no_topology", 0),
    "content": ("no_content", 0),
}

STUDIES = {
    study.name: study
    for study in (
        Study(name="table2", title="Table 2: comparison"),
        Study(
            name="table3",
            is_papers=True,
            title="Table 3: components",
            models=("MCLN",),
            base={"modalities": "all", "use_cl": True, "use_id": True},
            variants=(
                replace(BASE, title="(1) Base"),
                Variant(label="w/ V", title="(2) Base w/ V", hyper={**ONLY_V, **NO_CL}, needs=V),
                Variant(label="w/ V&CL", title="(3) Base w/ V&CL", hyper={**ONLY_V, **NO_ID}, needs=V),
                Variant(label="w/ V&ID&CL", title="(4) Base w/ V&ID&CL", hyper=ONLY_V, needs=V, alone="MCLN"),
                Variant(label="w/ T", title="(5) Base w/ T", hyper={**ONLY_T, **NO_CL}, needs=T),
                Variant(label="w/ T&CL", title="(6) Base w/ T&CL", hyper={**ONLY_T, **NO_ID}, needs=T),
                Variant(label="w/ T&ID&CL", title="(7) Base w/ T&ID&CL", hyper=ONLY_T, needs=T, alone="MCLN"),
                Variant(label="w/ V&T", title="(8) Base w/ V&T", hyper=NO_CL, needs=V + T, takes_all=True),
                Variant(label="w/ V&T&CL", title="(9) Base w/ V&T&CL", hyper=NO_ID, needs=V + T, takes_all=True),
                Variant(label="MCLN", title="(10) MCLN"),  # V&T&ID&CL where the data set has both
            ),
            note="Base: the graph alone. V, T: the visual and the textual vectors have a score. CL: so has the fused "
            "counterfactual vector. ID: the base vector is a part of it. MCLN: all of these that the data set offers.",
        ),
        Study(
            name="table4",
            is_papers=True,
            title="Table 4: fusion",
            models=("MCLN",),
            base={"modalities": "all", "use_cl": True, "use_intra": True},
            variants=(
                BASE,
                Variant(label="w/ intra-modal", hyper=NO_CL, n_least=1, else_is="Base"),
                Variant(label="w/ inter-modal", hyper={"use_intra": False}, n_least=1, else_is="MCLN"),
                Variant(label="MCLN"),
            ),
            note="Base: the graph alone. Intra-modal: each modality scores on its own; the paper calls it MCLN w/o "
            "inter-modality. Inter-modal: the fused vector; the paper calls it MCLN w/o intra-modality.",
        ),
        Study(
            name="table5",
            is_papers=True,
            title="Table 5: counterfactual layers",
            models=("MCLN",),
            variants=layers(range(1, 6), lambda n: {"n_attention_layers": n}),
        ),
        Study(
            name="figure4",
            title="Figure 4: graph layers",
            models=("MCLN", "LightGCN", "NGCF", "MMGCN"),
            variants=layers(DEPTHS, lambda n: {"n_layers": n}),
            own={"NGCF": layers(DEPTHS, lambda n: {"layer_sizes": [64] * n})},
        ),
        Study(
            name="sampler",
            title="Sampler",
            models=(*PAPER_MODELS, *NEWER_MODELS),
            is_for_all=True,
            variants=(
                Variant(label="interactions", hyper={"sampling": "interaction"}),
                Variant(label="users", hyper={"sampling": "user"}),
            ),
            note="Interactions: an epoch shuffles all training pairs. Users: each batch draws distinct users and one "
            "item of each, so that users with many interactions weigh less. Unless it is set, a model has the "
            "sampler of its authors' code (LATTICE has that of MMRec).",
        ),
        Study(
            name="causal",
            title="Parts of the causal model",
            models=("CausalMMRec",),
            base={switch: False for switch, _ in CAUSAL_PARTS.values()},
            variants=(
                Variant(label="CausalMMRec"),
                *(
                    Variant(label=f"w/o {part}", hyper={switch: True}, n_least=n_least, else_is="CausalMMRec")
                    for part, (switch, n_least) in CAUSAL_PARTS.items()
                ),
            ),
            note="Diffusion predicts each modality from the others, and what it predicts is the confounder. Back door: "
            "scores are summed over strata of it. Front door: they are summed over contexts of the users. Topology: "
            "edges are added and dropped by content. Content: without it, only the ids score.",
        ),
        Study(name="learning-curves", title="Learning curves"),
        Study(name="cost", title="Cost: quality against training time"),
    )
}
# what a report has to know besides the records: arguments of ``bench.report.evidence.Evidence``
KNOWN = {"studies": tuple(STUDIES.values()), "is_installed": registry.is_installed}
