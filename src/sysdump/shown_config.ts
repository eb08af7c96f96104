/**
 * The part of a network configuration that a report may contain: fields that are known to hold no secret, by an allow list.
 *
 * @module
 */
import {
  ADDRESS_FIELDS,
  type Fields,
  type FieldType,
  IPAM_FIELDS,
  KUBERNETES_FIELDS,
  RANGE_FIELDS,
  ROUTE_FIELDS,
} from "../config/schema.ts";
import { isObject, parseJson } from "../values/json.ts";
import { withoutLogin } from "../values/redact.ts";

/** Fields of `ipam` whose values are logins. */
const SECRET = new Set(["etcd_username", "etcd_password"]);
/** The fields of objects in arrays. */
const ELEMENTS: Readonly<Record<string, Fields>> = {
  ipRanges: RANGE_FIELDS,
  routes: ROUTE_FIELDS,
  addresses: ADDRESS_FIELDS,
};
/** Members of a network, or of a plugin in a list, that say which plugin it is. */
const PLUGIN_FIELDS: Fields = {
  cniVersion: "string",
  name: "string",
  type: "string",
  master: "string",
  mode: "string",
  bridge: "string",
  mtu: "integer",
  vlan: "integer",
  vlanId: "integer",
};
/** Max characters of a value: addresses, names and paths are shorter. */
const MAX_VALUE = 300;

/** The text of a network configuration as a report shows it: known fields, and how many others were left out. */
export function shownNetwork(text: string): unknown {
  if (text.trim() === "") return null;
  try {
    return shownConf(parseJson(text));
  } catch {
    return omitted("text that is not JSON");
  }
}

/** The fields of a flat file, or of an `ipam` object. */
export function shownIpam(document: unknown): unknown {
  return isObject(document) ? pick(document, IPAM_FIELDS) : omitted("value that is not an object");
}

function shownConf(conf: unknown): unknown {
  if (!isObject(conf)) return omitted("value that is not an object");
  const { ipam, plugins, ...rest } = conf;
  return {
    ...pick(rest, PLUGIN_FIELDS),
    ...(ipam !== undefined && { ipam: shownIpam(ipam) }),
    ...(Array.isArray(plugins) && { plugins: plugins.map(shownConf) }),
  };
}

/** The known fields, by their own names: those of the object may be written in another case, or be a secret by mistake. */
function pick(object: Readonly<Record<string, unknown>>, fields: Fields): Record<string, unknown> {
  const names = new Map(Object.keys(fields).map((name) => [name.toLowerCase(), name]));
  const shown: Record<string, unknown> = {};
  let left = 0;
  for (const [key, value] of Object.entries(object)) {
    const name = names.get(key.toLowerCase());
    if (name === undefined) left++;
    else shown[name] = SECRET.has(name) ? omitted("login") : valueOf(name, fields[name] ?? "string", value);
  }
  return { ...shown, ...(left > 0 && { otherFields: left }) };
}

function valueOf(name: string, type: FieldType, value: unknown): unknown {
  if (typeof type === "object") {
    return isObject(value) ? pick(value, name === "kubernetes" ? KUBERNETES_FIELDS : type) : omitted("another type");
  }
  switch (type) {
    case "string":
      return typeof value === "string" ? shortened(value) : omitted("another type");
    case "boolean":
      return typeof value === "boolean" ? value : omitted("another type");
    case "integer":
      return typeof value === "number" ? value : omitted("another type");
    case "strings":
      return Array.isArray(value)
        ? value.map((one) => typeof one === "string" ? shortened(one) : omitted("another type"))
        : omitted("another type");
    case "objects": {
      const element = ELEMENTS[name];
      if (!Array.isArray(value) || !element) return omitted("another type");
      return value.map((one) => isObject(one) ? pick(one, element) : omitted("another type"));
    }
  }
}

/** A text without logins, of bounded length. */
export function shortened(text: string, max: number = MAX_VALUE): string {
  const shown = withoutLogin(text);
  return shown.length > max ? `${shown.slice(0, max)}…` : shown;
}

function omitted(what: string): string {
  return `[omitted: ${what}]`;
}
