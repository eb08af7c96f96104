import { openKubernetes } from "../../../drivers/kubernetes/driver.ts";
import { denoWorld } from "../../../src/world/deno.ts";
import { SILENT } from "../../../src/world/log.ts";
import { makeKube } from "../../support/kube.ts";
import { driverContract } from "../contract.ts";

driverContract({
  name: "kubernetes",
  makeStore: async () => {
    const kube = await makeKube();
    return {
      open: () =>
        openKubernetes({ kind: "kubernetes", kubeconfig: kube.kubeconfig }, { world: denoWorld(), log: SILENT }),
      [Symbol.asyncDispose]: () => kube[Symbol.asyncDispose](),
    };
  },
});
