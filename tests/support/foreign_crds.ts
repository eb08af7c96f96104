/**
 * Custom resources of other projects, which the chart creates objects of.
 *
 * @module
 */
import { must } from "./process.ts";

const MODULE = "github.com/prometheus-operator/prometheus-operator";
const VERSION = "v0.85.0";

/** Files with the definitions of the monitors and rules of the Prometheus operator, from its Go module. */
export async function prometheusCrds(): Promise<readonly string[]> {
  const { Dir: folder } = JSON.parse(await must(["go", "mod", "download", "-json", `${MODULE}@${VERSION}`]));
  return ["podmonitors", "prometheusrules", "servicemonitors"].map((name) =>
    `${folder}/example/prometheus-operator-crd/monitoring.coreos.com_${name}.yaml`
  );
}

const strategy = (more: Record<string, unknown> = {}) => ({
  type: "object",
  properties: { type: { type: "string" }, ...more },
});
const strings = { type: "array", nullable: true, items: { type: "string" } };
const flag = { type: "boolean" };
const flags = {
  allowHostDirVolumePlugin: flag,
  allowHostIPC: flag,
  allowHostNetwork: flag,
  allowHostPID: flag,
  allowHostPorts: flag,
  allowPrivilegedContainer: flag,
  readOnlyRootFilesystem: flag,
};
const lists = {
  allowedCapabilities: strings,
  defaultAddCapabilities: strings,
  requiredDropCapabilities: strings,
  volumes: strings,
};
const seLinuxOptions = { type: "object", properties: texts("type", "level", "user", "role") };

function texts(...names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, { type: "string" }]));
}

/**
 * The SecurityContextConstraints of OpenShift, whose module cannot be obtained in a current version: the members and required members that
 * its documentation lists (API reference, SecurityContextConstraints [security.openshift.io/v1]).
 */
export const SECURITY_CONTEXT_CONSTRAINTS = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: {
    name: "securitycontextconstraints.security.openshift.io",
    annotations: { "api-approved.kubernetes.io": "unapproved, for a test" },
  },
  spec: {
    group: "security.openshift.io",
    names: {
      kind: "SecurityContextConstraints",
      listKind: "SecurityContextConstraintsList",
      plural: "securitycontextconstraints",
      singular: "securitycontextconstraints",
    },
    scope: "Cluster",
    versions: [{
      name: "v1",
      served: true,
      storage: true,
      schema: {
        openAPIV3Schema: {
          type: "object",
          properties: {
            ...flags,
            ...lists,
            allowPrivilegeEscalation: { type: "boolean", nullable: true },
            priority: { type: "integer", nullable: true },
            runAsUser: strategy({ uid: { type: "integer" } }),
            seLinuxContext: strategy({ seLinuxOptions }),
            fsGroup: strategy(),
            supplementalGroups: strategy(),
            seccompProfiles: strings,
            users: strings,
            groups: strings,
          },
          required: [...Object.keys(flags), ...Object.keys(lists)],
        },
      },
    }],
  },
} as const;
