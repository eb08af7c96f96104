/**
 * What controllers need of a cluster, whoever asks it.
 *
 * @module
 */
import type { PodFacts } from "../pool/orphans.ts";

/** The pods of a cluster. */
export interface Cluster extends AsyncDisposable {
  /**
   * Every pod of every namespace, as the API server has them now.
   *
   * @throws an Error where the list is not complete: it is never evidence of anything
   */
  pods(signal: AbortSignal): Promise<PodFacts[]>;
}

/** Opens the cluster of a kubeconfig; without one, that of the pod this runs in. */
export type OpenCluster = (kubeconfig: string | undefined) => Promise<Cluster>;
