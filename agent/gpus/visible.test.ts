import { expect, test } from "vitest";
import { allowedGpus, visibleGpus } from "./visible.ts";

const GPUS = ["aa11", "bb22", "cc33"].map((id, index) => ({ index, uuid: `GPU-${id}` }));

test.each([
  [{}, [0, 1, 2]],
  [{ CUDA_VISIBLE_DEVICES: "1" }, [1]],
  [{ CUDA_VISIBLE_DEVICES: " 2 , 0" }, [0, 2]],
  [{ CUDA_VISIBLE_DEVICES: "GPU-bb22" }, [1]],
  [{ CUDA_VISIBLE_DEVICES: "GPU-c" }, [2]], // CUDA takes the beginning of a UUID
  [{ CUDA_VISIBLE_DEVICES: "0,-1,1" }, [0]], // and reads no further than to what is invalid
  [{ CUDA_VISIBLE_DEVICES: "7" }, []],
  [{ NVIDIA_VISIBLE_DEVICES: "all" }, [0, 1, 2]],
  [{ NVIDIA_VISIBLE_DEVICES: "void" }, [0, 1, 2]], // what Docker sets with CDI, with GPUs let in all the same
  [{ NVIDIA_VISIBLE_DEVICES: "" }, [0, 1, 2]],
  [{ NVIDIA_VISIBLE_DEVICES: "GPU-aa11,GPU-cc33" }, [0, 2]],
  [{ NVIDIA_VISIBLE_DEVICES: "1" }, [1]],
  [{ NVIDIA_VISIBLE_DEVICES: "5,6,7" }, [0, 1, 2]], // the host's numbers: these three are what was let in
  [{ NVIDIA_VISIBLE_DEVICES: "GPU-of-another-machine" }, [0, 1, 2]],
  [{ NVIDIA_VISIBLE_DEVICES: "0,1", CUDA_VISIBLE_DEVICES: "1,2" }, [1]],
])("%j leaves the GPUs %j", (environment, indices) => {
  expect(visibleGpus(GPUS, environment).map(({ index }) => index)).toEqual(indices);
});

test.each(["", "-1", "NoDevFiles", "MIG-5c2d2c1e-7a9c-3b1c", "0,MIG-5c2d2c1e"])(
  "CUDA_VISIBLE_DEVICES=%s is the trainer's business: there is nothing to share out",
  (CUDA_VISIBLE_DEVICES) => {
    expect(allowedGpus({ CUDA_VISIBLE_DEVICES }).kind).toBe("own");
    expect(visibleGpus(GPUS, { CUDA_VISIBLE_DEVICES })).toEqual([]);
  },
);
