/**
 * The network configurations that a document of a NetworkAttachmentDefinition holds, as the runtime would hand them to the plugin.
 *
 * @module
 */
import { isObject } from "../values/json.ts";
import { lookup } from "./document.ts";
import { PLUGIN } from "./schema.ts";

/**
 * Every network configuration of a document whose IPAM is ours: of a single plugin itself, of a list each plugin with the list's `name`
 * and `cniVersion`, as the runtime splits it. Everything else stays as written, an explicit `false` too.
 *
 * @param document a decoded configuration: one plugin (it has a `type`), or a list (it has `plugins`)
 * @returns none where the document is neither, or where its IPAM is another plugin's
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
