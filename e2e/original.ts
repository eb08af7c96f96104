/**
 * The Go original in the place of our plugin.
 *
 * @module
 */
import { assets } from "../tests/support/assets.ts";
import type { Cluster } from "./cluster.ts";

/** What the original's manifests allow the service account that both share. */
export function rightsOfOriginal(): readonly unknown[] {
  const name = "whereabouts-cni";
  const apiVersion = "rbac.authorization.k8s.io/v1";
  const verbs = ["get", "list", "watch", "create", "update", "patch", "delete"];
  const rules = [
    { apiGroups: ["whereabouts.cni.cncf.io"], resources: ["ippools", "overlappingrangeipreservations"], verbs },
    { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["*"] },
    { apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"] },
  ];
  const subjects = [{ kind: "ServiceAccount", name: "whereabouts", namespace: "kube-system" }];
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name };
  return [
    { apiVersion, kind: "ClusterRole", metadata: { name }, rules },
    { apiVersion, kind: "ClusterRoleBinding", metadata: { name: "whereabouts" }, roleRef, subjects },
  ];
}

/** Puts the original's plugin in the place of ours on a node, as a whole. */
export async function useOriginal(cluster: Cluster, node: number): Promise<void> {
  const folder = `${cluster.state}/node${node}/opt/cni/bin`;
  await Deno.copyFile(`${await assets("original")}/whereabouts-original`, `${folder}/.putting`);
  await Deno.rename(`${folder}/.putting`, `${folder}/whereabouts`);
}
