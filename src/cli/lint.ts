/**
 * `lint`: checks network definitions of files or of a cluster.
 *
 * @module
 */
import { type Cidr, formatCidr, parseCidr } from "../address/cidr.ts";
import { findKubeconfig } from "../config/kubeconfig.ts";
import type { Cluster } from "../controllers/cluster.ts";
import { readNetworks } from "../controllers/networks.ts";
import { definitionsIn, type FileContent, type PlacedDefinition } from "../lint/definitions.ts";
import { type ClusterFacts, type Level, lint as lintNetworks, nameOf, type RuleName, RULES } from "../lint/lint.ts";
import { type PlacedFinding, toSarif } from "../lint/sarif.ts";
import { messageOf } from "../values/errors.ts";
import { type Command, defineCommand, type Flags, parseNumber, UsageError, type Values } from "./define.ts";
import { FORMAT_FLAGS, formatOf, printValue } from "./output.ts";
import { READ_TIMEOUT } from "./reading.ts";
import { clean } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** Max bytes of standard input: a list of several thousand definitions. */
const MAX_INPUT = 64 * 1024 * 1024;

/** The exit code of the worst level. */
const EXITS: Readonly<Record<Level, number>> = { note: 0, warning: 3, error: 4 };

const FLAGS = {
  cluster: { type: "boolean", help: "Check the definitions of the cluster, with its nodes, pod networks and Services" },
  kubeconfig: {
    type: "string",
    value: "FILE",
    help: "The cluster; else KUBECONFIG, ~/.kube/config, the cluster of this pod",
  },
  context: { type: "string", value: "NAME", help: "Context of the kubeconfig; else the current one" },
  config: { type: "string", value: "FILE", help: "JSON file of IPAM fields that the networks omit: a flat file" },
  avoid: {
    type: "string",
    value: "CIDRS",
    help: "Networks of pods, Services or nodes that ranges must not overlap, comma-separated",
  },
  nodes: { type: "string", value: "NUMBER", help: "Number of nodes that need a node slice; else that of the cluster" },
  namespace: {
    type: "string",
    value: "NAME",
    short: "n",
    help: "Report only definitions of this namespace; they are compared with all",
  },
  ...FORMAT_FLAGS,
  sarif: { type: "boolean", help: "Print SARIF 2.1.0" },
} as const satisfies Flags;

/** Checks definitions with the loader that the plugin uses. */
export const lint: Command = defineCommand({
  operands: "[FILE...]",
  completes: "files",
  about: [
    "Check NetworkAttachmentDefinitions and CNI network configurations, in YAML or JSON, as the plugin would read them. `-` is standard input.",
    "Errors make ADD fail; warnings and notes do not. Other Kubernetes objects in the files are skipped.",
  ],
  flags: FLAGS,
  exits: { 0: "No errors and no warnings", 1: "A file or the cluster cannot be read", 3: "Warnings", 4: "Errors" },
}, async (terminal, values, files) => {
  if ((files.length > 0) === values.cluster) {
    throw new UsageError("Nothing to check: expected either files, or --cluster");
  }
  const given: ClusterFacts = { addresses: parseAvoid(values.avoid), ...parseNodes(values.nodes) };
  const { definitions, problems, facts } = values.cluster
    ? await readCluster(terminal, values, given)
    : { ...await readFiles(terminal, files), facts: given };
  const placeOf = new Map(definitions.map(({ attachment, place }) => [attachment, place] as const));
  const { networks, faults } = await readNetworks(
    terminal.world,
    definitions.map(({ attachment }) => attachment),
    values.config,
  );
  const all: PlacedFinding[] = [
    ...problems.map(({ place, message }) => ({
      rule: "invalid-definition" as const,
      attachment: { namespace: "", name: place.file, uid: "", config: "" },
      message,
      place,
    })),
    ...definedTwice(definitions),
    ...lintNetworks(networks, faults, facts).map((finding) => {
      const place = placeOf.get(finding.attachment);
      return { ...finding, ...(place && { place }) };
    }),
  ];
  const { namespace } = values;
  const findings = all.filter(({ attachment }) => namespace === undefined || attachment.namespace === namespace);
  await report(terminal, values, findings, networks.length + faults.length);
  return Math.max(0, ...findings.map(({ rule }) => EXITS[levelOf(rule)]));
});

type Given = Values<typeof FLAGS>;
/** Definitions of a cluster have no place. */
type Definition = Pick<PlacedDefinition, "attachment"> & Partial<Pick<PlacedDefinition, "place">>;

interface Input {
  readonly definitions: readonly Definition[];
  readonly problems: FileContent["problems"];
}

async function readFiles(terminal: Terminal, files: readonly string[]): Promise<Input> {
  const contents: FileContent[] = [];
  for (const file of files) {
    const text = await readFile(terminal, file);
    const shown = file === "-" ? "stdin" : file;
    try {
      contents.push(definitionsIn(shown, await terminal.readDocuments(text)));
    } catch (error) {
      const problem = { place: { file: shown, line: 1 }, message: messageOf(error) };
      contents.push({ definitions: [], problems: [problem] });
    }
  }
  return {
    definitions: contents.flatMap(({ definitions }) => definitions),
    problems: contents.flatMap(({ problems }) => problems),
  };
}

async function readFile({ world }: Terminal, file: string): Promise<string> {
  if (file === "-") return new TextDecoder().decode(await world.stdin(MAX_INPUT));
  try {
    return await world.readTextFile(file, "record");
  } catch (cause) {
    const why = cause instanceof Error && cause.name !== "NotFound" ? cause.message : "file not found";
    throw new Error(`Cannot read ${file}: ${why}`, { cause });
  }
}

async function readCluster(
  { world, openCluster }: Terminal,
  { kubeconfig, context }: Given,
  given: ClusterFacts,
): Promise<Input & { readonly facts: ClusterFacts }> {
  const chosen = kubeconfig ?? await findKubeconfig(world, true);
  await using cluster = await openCluster(world, { kubeconfig: chosen, context, client: "command" });
  const signal = AbortSignal.timeout(READ_TIMEOUT);
  const { items } = await cluster.attachments.list(signal);
  const read = await addressesOf(cluster, signal);
  const addresses = [...given.addresses, ...read];
  const nodes = given.nodes ?? (await cluster.nodes.list(signal)).items.length;
  return { definitions: items.map((attachment) => ({ attachment })), problems: [], facts: { addresses, nodes } };
}

async function addressesOf(cluster: Cluster, signal: AbortSignal): Promise<ClusterFacts["addresses"]> {
  const networks = await cluster.networks?.(signal) ?? [];
  return networks.flatMap(({ cidr: text, what }) => {
    const cidr = parseCidr(text)?.cidr;
    return cidr ? [{ cidr, what: `${what} ${formatCidr(cidr)}` }] : [];
  });
}

function parseAvoid(text: string | undefined): { readonly cidr: Cidr; readonly what: string }[] {
  if (text === undefined) return [];
  return text.split(",").map((part) => {
    const cidr = parseCidr(part.trim())?.cidr;
    if (cidr) return { cidr, what: `${formatCidr(cidr)} of --avoid` };
    throw new UsageError(`Invalid --avoid ${JSON.stringify(part)}: expected CIDRs such as 10.244.0.0/16,10.96.0.0/12`);
  });
}

function parseNodes(text: string | undefined): Pick<ClusterFacts, "nodes"> {
  if (text === undefined) return {};
  return { nodes: parseNumber("nodes", text, { min: 1 }) };
}

/** Definitions whose namespace and name an earlier one has: the last one applied would replace the others. */
function definedTwice(definitions: readonly Definition[]): PlacedFinding[] {
  const first = new Map<string, Definition>();
  return definitions.flatMap((one): PlacedFinding[] => {
    const { attachment, place } = one;
    const name = nameOf(attachment);
    const earlier = first.get(name);
    if (!earlier) first.set(name, one);
    if (!earlier || attachment.namespace === "" || !place) return [];
    const at = earlier.place ? `${earlier.place.file}:${earlier.place.line}` : "the same list";
    return [{
      rule: "defined-twice",
      attachment,
      place,
      message: `Also defined in ${at}; rename or remove one of them`,
    }];
  });
}

function levelOf(rule: RuleName): Level {
  return RULES[rule].level;
}

async function report(
  terminal: Terminal,
  values: Given,
  findings: readonly PlacedFinding[],
  networks: number,
): Promise<void> {
  const { print } = terminal;
  if (values.sarif) return print(JSON.stringify(toSarif(findings), undefined, 2));
  const format = formatOf(values);
  const listed = () =>
    findings.map(({ rule, attachment: { namespace, name }, message, place }) => ({
      level: levelOf(rule),
      rule,
      namespace,
      name,
      file: place?.file ?? null,
      line: place?.line ?? null,
      message,
    }));
  if (await printValue(terminal, format, () => ({ networks, findings: listed() }))) return;
  if (format === "name") new Set(findings.map(({ attachment }) => nameOf(attachment))).forEach(print);
  else printText(terminal, findings, networks);
}

function printText({ print, style }: Terminal, findings: readonly PlacedFinding[], networks: number): void {
  for (const { rule, attachment, message, place } of findings) {
    const level = levelOf(rule);
    const at = place ? `${place.file}:${place.line}: ` : "";
    const shown = level === "note" ? style.faint(level) : style.bad(level);
    const subject = nameOf(attachment) === place?.file ? "" : `${nameOf(attachment)}: `;
    print(`${clean(at)}${shown}: ${clean(`${subject}${message} [${rule}]`)}`);
  }
  const counts = (["error", "warning", "note"] as const)
    .map((level) => [level, findings.filter(({ rule }) => levelOf(rule) === level).length] as const)
    .filter(([, count]) => count > 0).map(([level, count]) => plural(count, level));
  const summary = `${plural(networks, "network")}: ${counts.join(", ") || "no findings"}`;
  print(findings.length === 0 ? style.good(summary) : summary);
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
