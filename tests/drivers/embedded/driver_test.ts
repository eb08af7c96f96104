import { openEmbedded } from "../../../drivers/embedded/driver.ts";
import { driverContract } from "../contract.ts";

driverContract({
  name: "embedded",
  skip: {
    "commits on a presumed snapshot only what is exactly there":
      "reading the file costs less than a short cut would save",
  },
  makeStore: async () => {
    const folder = await Deno.makeTempDir();
    return {
      open: () => openEmbedded({ kind: "embedded", path: `${folder}/whereabouts.db` }),
      [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
    };
  },
});
