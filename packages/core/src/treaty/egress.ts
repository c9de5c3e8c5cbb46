import { lookup as resolve } from "node:dns";
import { BlockList, isIP } from "node:net";
import { Failure } from "../model/failure.ts";
import type { GuardedLookup } from "./treaty.ts";

/**
 * Where a treaty may connect to. The check is made on the address that is connected to, after the name was resolved, so that a name which
 * answers differently the second time wins nothing. Private, local and link-local addresses are refused unless they are named.
 */
export interface EgressRules {
  /** Host names and addresses that may be reached; absent: any public one. */
  readonly hosts?: readonly string[];
  /** Ranges in CIDR notation that may be reached although they are not public, such as those of test systems. */
  readonly privateRanges?: readonly string[];
}

/** Addresses that are nobody's business outside: RFC 6890 and the metadata addresses of clouds. */
const closedRanges: readonly (readonly [string, number, "ipv4" | "ipv6"])[] = [
  ["0.0.0.0", 8, "ipv4"],
  ["10.0.0.0", 8, "ipv4"],
  ["100.64.0.0", 10, "ipv4"],
  ["127.0.0.0", 8, "ipv4"],
  ["169.254.0.0", 16, "ipv4"],
  ["172.16.0.0", 12, "ipv4"],
  ["192.0.0.0", 24, "ipv4"],
  ["192.0.2.0", 24, "ipv4"],
  ["192.168.0.0", 16, "ipv4"],
  ["198.18.0.0", 15, "ipv4"],
  ["198.51.100.0", 24, "ipv4"],
  ["203.0.113.0", 24, "ipv4"],
  ["224.0.0.0", 3, "ipv4"],
  ["::", 128, "ipv6"],
  ["::1", 128, "ipv6"],
  ["64:ff9b::", 96, "ipv6"],
  ["100::", 64, "ipv6"],
  ["2001:db8::", 32, "ipv6"],
  ["2002::", 16, "ipv6"],
  ["fc00::", 7, "ipv6"],
  ["fe80::", 10, "ipv6"],
  ["ff00::", 8, "ipv6"],
];

export interface Egress {
  /** For `net`, `tls` and `http`. Fails with `egress-refused` instead of connecting. */
  readonly lookup: GuardedLookup;
  /** For a URL before it is used: an address written into it is never resolved. Errors: `egress-refused` (refused). */
  check(url: URL): void;
}

export function openEgress(rules: EgressRules): Egress {
  const closed = new BlockList();
  for (const [address, prefix, family] of closedRanges) closed.addSubnet(address, prefix, family);
  const opened = new BlockList();
  for (const range of rules.privateRanges ?? []) {
    const [address = "", prefix = ""] = range.split("/");
    opened.addSubnet(address, Number(prefix), isIP(address) === 6 ? "ipv6" : "ipv4");
  }
  const hosts = rules.hosts === undefined ? null : new Set(rules.hosts.map((host) => host.toLowerCase()));

  const mayHost = (host: string): boolean => hosts === null || hosts.has(host.toLowerCase());
  const mayReach = (address: string): boolean => {
    // An IPv4 address dressed as IPv6 is the same machine.
    const plain = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
    const family = isIP(plain) === 6 ? "ipv6" : "ipv4";
    return isIP(plain) !== 0 && (opened.check(plain, family) || !closed.check(plain, family));
  };

  return {
    lookup(hostname, options, done) {
      if (!mayHost(hostname)) {
        done(refused(hostname), []);
        return;
      }
      resolve(hostname, { ...options, all: true }, (error, found) => {
        if (error !== null) {
          done(error, []);
          return;
        }
        // One forbidden address among several is reason enough: which one is taken is not ours to choose.
        if (found.length === 0 || !found.every(({ address }) => mayReach(address))) {
          done(refused(hostname), []);
          return;
        }
        const [first] = found;
        if ((options as { all?: boolean }).all === true) done(null, found);
        else done(null, first?.address ?? "", first?.family ?? 4);
      });
    },
    check(url) {
      const host = url.hostname.replace(/^\[|\]$/g, "");
      if (url.protocol !== "https:" && url.protocol !== "http:") throw refused(host);
      if (!mayHost(host) || (isIP(host) !== 0 && !mayReach(host))) throw refused(host);
    },
  };
}

function refused(host: string): Failure {
  return new Failure("refused", "egress-refused", `This treaty may not connect to ${host}.`, {
    fields: { host },
  });
}
