/**
 * Names that Kubernetes accepts.
 *
 * @module
 */

/** A DNS subdomain (RFC 1123), as names of objects must be. The length is checked separately. */
export const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** A DNS label (RFC 1123), as names of namespaces must be. The length is checked separately. */
export const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
