// The tensors of a made-up LoRA: true names and formats, shapes of a toy model, weights out of a hat.
import { isTransformer } from "./models.ts";
import { hash, randomFrom } from "./random.ts";
import { bytesPerElement, type Dtype, encodeFloats, type Tensor } from "./safetensors.ts";

export interface Adapter {
  readonly arch: string;
  readonly rank: number;
  /** Transformer models ignore it: there it is always the rank. */
  readonly alpha: number;
}

interface Layer {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  /** A 1×1 convolution instead of a matrix. */
  readonly convolution: boolean;
}

const layer = (name: string, inputs: number, outputs: number, convolution = false): Layer => ({
  name,
  inputs,
  outputs,
  convolution,
});

/** Widths of the toy models; the UNet's blocks are those of the recorded run. */
const UNET_BLOCKS = {
  down_blocks_0_attentions_0: 32,
  mid_block_attentions_0: 64,
  up_blocks_1_attentions_0: 32,
  up_blocks_1_attentions_1: 32,
};
const TEXT_WIDTH = 32;
const TRANSFORMER_WIDTH = 64;

/** Sorted as the real files are. */
function unetLayers(): Layer[] {
  return Object.entries(UNET_BLOCKS).flatMap(([place, width]) => {
    const outside = `lora_unet_${place}`;
    const inside = `${outside}_transformer_blocks_0`;
    return [
      layer(`${outside}_proj_in`, width, width, true),
      layer(`${outside}_proj_out`, width, width, true),
      ...["to_k", "to_out_0", "to_q", "to_v"].map((part) => layer(`${inside}_attn1_${part}`, width, width)),
      // Cross attention: keys and values come from the text.
      layer(`${inside}_attn2_to_k`, TEXT_WIDTH, width),
      layer(`${inside}_attn2_to_out_0`, width, width),
      layer(`${inside}_attn2_to_q`, width, width),
      layer(`${inside}_attn2_to_v`, TEXT_WIDTH, width),
      layer(`${inside}_ff_net_0_proj`, width, 8 * width),
      layer(`${inside}_ff_net_2`, 4 * width, width),
    ];
  });
}

function transformerLayers(arch: string): Layer[] {
  const width = TRANSFORMER_WIDTH;
  const root = arch === "flux" || arch === "sd3" ? "transformer" : "diffusion_model";
  return [0, 1, 2, 3].flatMap((index) => {
    const inside = `${root}.transformer_blocks.${index}`;
    return [
      ...["to_k", "to_out.0", "to_q", "to_v"].map((part) => layer(`${inside}.attn.${part}`, width, width)),
      layer(`${inside}.ff.net.0.proj`, width, 4 * width),
      layer(`${inside}.ff.net.2`, 4 * width, width),
    ];
  });
}

const layersOf = (arch: string) => (isTransformer(arch) ? transformerLayers(arch) : unetLayers());

export const moduleCount = (arch: string) => layersOf(arch).length;

const DTYPES: Readonly<Record<string, Dtype>> = {
  ...Object.fromEntries(["fp32", "float32", "float", "single"].map((name) => [name, "F32" as const])),
  ...Object.fromEntries(["bf16", "bfloat16"].map((name) => [name, "BF16" as const])),
  ...Object.fromEntries(["8bit", "float8", "e4m3fn"].map((name) => [name, "F8_E4M3" as const])),
};

/** `save.dtype`; float16 is the default. */
export const dtypeOf = (name: string): Dtype => DTYPES[name] ?? "F16";

/** Size grows with the rank as that of a real file does, up to the width of the toy model. */
export function loraTensors({ arch, rank, alpha }: Adapter, dtype: Dtype, seed: string): Tensor[] {
  return layersOf(arch).flatMap(({ name, inputs, outputs, convolution }) => {
    const inner = Math.min(rank, inputs, outputs);
    const down = convolution ? [inner, inputs, 1, 1] : [inner, inputs];
    const up = convolution ? [outputs, inner, 1, 1] : [outputs, inner];
    if (isTransformer(arch)) {
      return [
        noise(`${name}.lora_A.weight`, down, dtype, seed),
        noise(`${name}.lora_B.weight`, up, dtype, seed),
      ];
    }
    return [
      {
        name: `${name}.alpha`,
        dtype,
        shape: [],
        data: encodeFloats([alpha], 1, dtype),
      },
      noise(`${name}.lora_down.weight`, down, dtype, seed),
      noise(`${name}.lora_up.weight`, up, dtype, seed),
    ];
  });
}

/** Without a network block the whole model is trained and saved. */
export function modelTensors(arch: string, dtype: Dtype, seed: string): Tensor[] {
  return layersOf(arch).map(({ name, inputs, outputs }) =>
    noise(`${name.replace(/^lora_unet_/, "model.diffusion_model.")}.weight`, [outputs, inputs], dtype, seed),
  );
}

/** Bytes of optimizer.pt: two float32 moments for every trained number. */
export const optimizerBytes = (tensors: readonly Tensor[]) =>
  tensors.reduce((sum, { data, dtype }) => sum + 8 * (data.length / bytesPerElement(dtype)), 0);

function noise(name: string, shape: readonly number[], dtype: Dtype, seed: string): Tensor {
  const count = shape.reduce((product, side) => product * side, 1);
  const random = randomFrom(hash(`${seed} ${name}`));
  const values = Array.from({ length: count }, () => (random() - 0.5) * 0.06);
  return { name, dtype, shape, data: encodeFloats(values, count, dtype) };
}
