/**
 * `agent`: the node's warm process.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { runAgent } from "../agent/agent.ts";
import { DEFAULT_SOCKET, SOCKET_VARIABLE } from "../agent/protocol.ts";
import { LOG_LEVELS, makeLogger } from "../world/log.ts";
import type { Terminal } from "./terminal.ts";

/** Runs the agent until it is told to stop. Returns the exit code. */
export async function agent({ world, loadDriver, platform }: Terminal, args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      socket: { type: "string" },
      "http-address": { type: "string" },
      "log-level": { type: "string", default: "verbose" },
    },
  });
  const level = LOG_LEVELS.find((one) => one === values["log-level"]);
  if (!level) {
    throw new RangeError(
      `Unknown log level ${JSON.stringify(values["log-level"])}: wanted one of ${LOG_LEVELS.join(", ")}`,
    );
  }
  const socket = values.socket ?? world.env(SOCKET_VARIABLE) ?? DEFAULT_SOCKET;
  const httpAddress = values["http-address"];
  if (httpAddress !== undefined && !/^.+:\d+$/.test(httpAddress)) {
    throw new RangeError(`Cannot listen on --http-address ${JSON.stringify(httpAddress)}: wanted HOST:PORT`);
  }
  const log = makeLogger(world, { level });
  await runAgent(world, await platform(), loadDriver, log, { socket, ...(httpAddress && { httpAddress }) });
  return 0;
}
