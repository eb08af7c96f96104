/**
 * The network configurations in the document of a NetworkAttachmentDefinition, as the runtime passes them to the plugin.
 *
 * @module
 */
import { isObject } from "../values/json.ts";
import { lookup } from "./document.ts";
import { PLUGIN } from "./schema.ts";

/**
 * Lists the network configurations of a document that use this plugin: the document itself if it is a single plugin; if it is a list, each of
 * its plugins with the `name` and `cniVersion` of the list, as the runtime splits it. Other members are copied unchanged, `false` included.
 *
 * @param document a decoded configuration: one plugin (it has a `type`), or a list (it has `plugins`)
 * @returns empty if the document is neither, or uses another IPAM plugin
 *
 * @example
 * ```ts
 * import { networksOf } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * const ipam = { type: "whereabouts", range: "10.0.0.0/24" };
 * const list = { name: "lab", cniVersion: "1.0.0", plugins: [{ type: "macvlan", ipam }, { type: "tuning" }] };
 * assert.deepEqual(networksOf(list), [{ name: "lab", cniVersion: "1.0.0", type: "macvlan", ipam }]);
 * ```
 */
export function networksOf(document: unknown): Record<string, unknown>[] {
  if (!isObject(document)) return [];
  const type = lookup(document, "type");
  if (typeof type === "string" && type !== "") return hasOurIpam(document) ? [document] : [];
  const plugins = lookup(document, "plugins");
  if (!Array.isArray(plugins)) return [];
  const common: Record<string, unknown> = {};
  for (const key of ["name", "cniVersion"]) {
    const value = lookup(document, key);
    if (value !== undefined) common[key] = value;
  }
  return plugins.filter(isObject).filter(hasOurIpam).map((plugin) => ({ ...plugin, ...common }));
}

function hasOurIpam(conf: Record<string, unknown>): boolean {
  const ipam = lookup(conf, "ipam");
  return isObject(ipam) && lookup(ipam, "type") === PLUGIN;
}
