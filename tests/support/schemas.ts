/**
 * The JSON Schemas of the commands' outputs, and their check.
 *
 * @module
 */
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";

const FOLDER = new URL("../../schemas/", import.meta.url);

/** Names of the commands that have a schema. */
export function schemaNames(): string[] {
  return [...Deno.readDirSync(FOLDER)].map(({ name }) => name.replace(/\.json$/, "")).filter((name) =>
    name !== "common"
  )
    .toSorted();
}

/** A schema as it is shipped. */
export function readSchema(name: string): Record<string, unknown> {
  return JSON.parse(Deno.readTextFileSync(new URL(`${name}.json`, FOLDER)));
}

/** Schemas permit members of later releases. Tests do not: a member without a schema would be undocumented. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== "object" || schema === null) return schema;
  const members = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, closed(value)]));
  const isOpen = "properties" in schema && "required" in schema && !("additionalProperties" in schema);
  return isOpen ? { ...members, additionalProperties: false } : members;
}

const validators = new Map<string, ValidateFunction>();

function validatorOf(name: string): ValidateFunction {
  const known = validators.get(name);
  if (known) return known;
  const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true, strictRequired: true });
  ajv.addSchema(closed(readSchema("common")) as object);
  const validate = ajv.compile(closed(readSchema(name)) as object);
  validators.set(name, validate);
  return validate;
}

/** How an output differs from the schema of its command; empty if it does not. */
export function faultsOf(command: string, value: unknown): string[] {
  const validate = validatorOf(command);
  if (validate(value)) return [];
  return (validate.errors ?? []).map(({ instancePath, message = "", params }) =>
    `${instancePath || "/"} ${message} ${JSON.stringify(params)}`
  );
}

/**
 * Compares what a command printed with its schema.
 *
 * @throws {Error} it differs
 */
export function checkOutput(command: string, out: string): void {
  // the history has a line for each event
  const values = command === "history" ? out.trim().split("\n") : [out];
  const faults = values.filter((text) => text !== "").flatMap((text) => faultsOf(command, JSON.parse(text)));
  if (faults.length > 0) {
    throw new Error(`The output of ${command} differs from its schema:\n${faults.join("\n")}\n${out}`);
  }
}
