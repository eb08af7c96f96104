/**
 * `controller`, on the command line.
 *
 * @module
 */
import { controller } from "./controller.ts";
import type { Command } from "./define.ts";
import { STORE_FLAGS } from "./store.ts";

const { json: _json, ...STORE } = STORE_FLAGS;

/** The controller's manual, and its run. */
export const controllerCommand: Command = {
  manual: {
    about: [
      "The process a cluster needs one of: it frees what pods leave as they go, sweeps on a schedule, and keeps node slices. Replicas stand by.",
    ],
    flags: {
      "http-address": { type: "string", value: "HOST:PORT", help: "Serve /healthz, /readyz and /metrics there" },
      interval: {
        type: "string",
        value: "5m",
        default: "5m",
        help: "Time between sweeps where no schedule is written",
      },
      "schedule-file": {
        type: "string",
        value: "FILE",
        default: "/cron-schedule/config",
        help: "File with a cron expression",
      },
      grace: { type: "string", value: "SECONDS", default: "30", help: "Time between the two looks of a sweep" },
      "lease-name": { type: "string", value: "NAME", default: "whereabouts-controller", help: "Lease of the leader" },
      "lease-namespace": { type: "string", value: "NAME", help: "Its namespace; else this pod's" },
      "log-level": { type: "string", value: "LEVEL", default: "verbose", help: "panic, error, verbose or debug" },
      ...STORE,
    },
  },
  run: controller,
};
