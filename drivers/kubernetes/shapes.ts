/**
 * Checks the shapes of our objects when they arrive: a schema that is older than the product accepts more, and a configuration may name any
 * server.
 *
 * @module
 */
import { RefusedError } from "../../src/storage/driver.ts";
import { isObject } from "../../src/values/json.ts";
import type { Resource } from "./resources.ts";

/** The type of a member: text, any object, a list of objects with members, or an object with members. Each may be absent. */
type Shape = "text" | "object" | { readonly items: Members } | { readonly members: Members };
type Members = Readonly<Record<string, Shape>>;

const METADATA: Shape = { members: { resourceVersion: "text", uid: "text", continue: "text", annotations: "object" } };

const OBJECTS: Readonly<Record<Resource, Members>> = {
  ippools: { metadata: METADATA, spec: { members: { range: "text", allocations: "object" } } },
  overlappingrangeipreservations: {
    metadata: METADATA,
    spec: { members: { podref: "text", ifname: "text", containerid: "text" } },
  },
  nodeslicepools: {
    metadata: METADATA,
    spec: { members: { range: "text", sliceSize: "text" } },
    status: { members: { allocations: { items: { nodeName: "text", sliceRange: "text" } } } },
  },
};

/**
 * Checks an object of the API server, or a list of them. A member that is `null` is deleted: null stands for absence.
 *
 * @param what the object or collection, for messages
 * @throws {RefusedError} its shape is invalid; the message names the member
 */
export function checkShape(resource: Resource, object: object, isList: boolean, what: string): void {
  if (!isList) return checkObject(object, OBJECTS[resource], what);
  check(object, { metadata: METADATA }, what);
  if (!("metadata" in object)) throw wrong(what, "metadata", "an object");
  if (!("items" in object) || !Array.isArray(object.items)) throw wrong(what, "items", "a list");
  for (const [i, item] of object.items.entries()) {
    if (!isObject(item)) throw wrong(what, `items[${i}]`, "an object");
    checkObject(item, OBJECTS[resource], what, `items[${i}].`);
  }
}

function checkObject(object: object, members: Members, what: string, path = ""): void {
  check(object, members, what, path);
  const { metadata } = object as { metadata?: { name?: unknown } };
  if (typeof metadata?.name !== "string" || metadata.name === "") throw wrong(what, `${path}metadata.name`, "a name");
}

function check(object: object, members: Members, what: string, path = ""): void {
  const values = object as Record<string, unknown>;
  for (const [name, shape] of Object.entries(members)) {
    const value = values[name];
    if (value === undefined) continue;
    if (value === null) {
      delete values[name];
      continue;
    }
    const at = `${path}${name}`;
    if (shape === "text") {
      if (typeof value !== "string") throw wrong(what, at, "text");
    } else if (shape !== "object" && "items" in shape) {
      if (!Array.isArray(value)) throw wrong(what, at, "a list");
      for (const [i, item] of value.entries()) {
        if (!isObject(item)) throw wrong(what, `${at}[${i}]`, "an object");
        check(item, shape.items, what, `${at}[${i}].`);
      }
    } else {
      if (!isObject(value)) throw wrong(what, at, "an object");
      if (shape !== "object") check(value, shape.members, what, `${at}.`);
    }
  }
}

function wrong(what: string, path: string, expected: string): RefusedError {
  return new RefusedError(`Cannot read ${what}: its ${path} is not ${expected}`);
}
