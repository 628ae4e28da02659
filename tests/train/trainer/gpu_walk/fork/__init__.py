"""On the walk's path: a stand-in for axolotl's fork of cut-cross-entropy, whose kernels need a GPU.

It has what axolotl 0.19 and the plugin call, by the same names and arguments as the fork of June 2026 (5f0c7a7):
`transformers.patch` with AXOLOTL_CCE_FORK, PATCH_FNS and cce_patch; `transformers.llama` with cce_forward and
_PATCH_OPTS, for axolotl's generic patch; `transformers.utils` with apply_lce and linear_cross_entropy. As there, the
text type's patch is made for Qwen3_5MoeForCausalLM, and that of `qwen3_5_moe` for the model of images and text. The
loss is PyTorch's own.
"""
