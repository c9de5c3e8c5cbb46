import { lookup as resolve } from "node:dns";
import { BlockList, connect as connectPlain, isIP, type LookupFunction, type Socket } from "node:net";
import { connect as connectSecure } from "node:tls";
import { Failure } from "../model/failure.ts";

/** Where to, in the words of `http.request`. */
export interface Destination {
  readonly host?: string | null | undefined;
  readonly hostname?: string | null | undefined;
  readonly port?: number | string | null | undefined;
  /** `https:` or `tls:` opens a TLS connection, anything else a plain one. */
  readonly protocol?: string | null | undefined;
  readonly servername?: string | undefined;
  readonly ca?: TlsText | undefined;
  readonly cert?: TlsText | undefined;
  readonly key?: TlsText | undefined;
  readonly passphrase?: string | undefined;
  readonly ALPNProtocols?: string[] | undefined;
}

type TlsText = string | Buffer | (string | Buffer)[];

/**
 * Where a treaty may connect to. The one way out is `connect`, which judges every destination: an address that is written down at once, a name
 * by the addresses that are connected to, after it was resolved, so that one which answers differently the second time wins nothing.
 * Private, local and link-local addresses are refused unless they are named.
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
  ["192.88.99.0", 24, "ipv4"],
  ["192.168.0.0", 16, "ipv4"],
  ["198.18.0.0", 15, "ipv4"],
  ["198.51.100.0", 24, "ipv4"],
  ["203.0.113.0", 24, "ipv4"],
  ["224.0.0.0", 3, "ipv4"],
  // None, this machine, and IPv4 as it was once written in IPv6.
  ["::", 96, "ipv6"],
  // Ways to IPv4 through a translator or a tunnel.
  ["64:ff9b::", 96, "ipv6"],
  ["64:ff9b:1::", 48, "ipv6"],
  ["2001::", 23, "ipv6"],
  ["2002::", 16, "ipv6"],
  ["100::", 64, "ipv6"],
  ["2001:db8::", 32, "ipv6"],
  ["3fff::", 20, "ipv6"],
  ["fc00::", 7, "ipv6"],
  ["fe80::", 10, "ipv6"],
  ["fec0::", 10, "ipv6"],
  ["ff00::", 8, "ipv6"],
];

export interface Egress {
  /** Opens a connection, or fails with `egress-refused` (refused) before one is opened: at once for an address, else on the socket. */
  connect(to: Destination): Socket;
  /** For a URL that somebody configures, before anything is sent there. A name is not resolved. Errors: `egress-refused`. */
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
    const plain = plainAddress(address);
    const family = isIP(plain) === 6 ? "ipv6" : "ipv4";
    return isIP(plain) !== 0 && (opened.check(plain, family) || !closed.check(plain, family));
  };
  /** Of an address all is known now; of a name, whether it may be asked for. */
  const judge = (host: string): void => {
    if (!mayHost(host) || (isIP(host) !== 0 && !mayReach(host))) throw refused(host);
  };
  const lookup: LookupFunction = (hostname, options, done) => {
    resolve(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) done(error, []);
      // One forbidden address among several is reason enough: which one is taken is not ours to choose.
      else if (found.length === 0 || !found.every(({ address }) => mayReach(address)))
        done(refused(hostname), []);
      else if (options.all === true) done(null, found);
      else done(null, found[0]?.address ?? "", found[0]?.family ?? 4);
    });
  };

  return {
    connect(to) {
      const host = plainHost(to.host ?? to.hostname ?? "");
      judge(host);
      const where = { host, port: Number(to.port), lookup };
      if (to.protocol !== "https:" && to.protocol !== "tls:") return connectPlain(where);
      const { ca, cert, key, passphrase, ALPNProtocols = ["http/1.1"] } = to;
      const { servername = isIP(host) === 0 ? host : undefined } = to;
      const own = { ca, cert, key, passphrase, servername };
      const given = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
      return connectSecure({ ...where, ...given, ALPNProtocols });
    },
    check(url) {
      const host = plainHost(url.hostname);
      if (url.protocol !== "https:" && url.protocol !== "http:") throw refused(host);
      judge(host);
    },
  };
}

/** Without the brackets of a URL and the zone of an address. */
function plainHost(host: string): string {
  const bare = host.replace(/^\[|\]$/g, "");
  return isIP(bare) === 6 ? (bare.split("%")[0] ?? bare) : bare;
}

/** An IPv4 address dressed as IPv6, in whichever of its notations, is the same machine. */
function plainAddress(address: string): string {
  const host = plainHost(address);
  if (isIP(host) !== 6) return host;
  const written = new URL(`http://[${host}]/`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(written) ?? [];
  if (high === undefined || low === undefined) return host;
  const bytes = [high, low].flatMap((part) => {
    const value = Number.parseInt(part, 16);
    return [value >> 8, value & 255];
  });
  return bytes.join(".");
}

function refused(host: string): Failure {
  return new Failure("refused", "egress-refused", `This treaty may not connect to ${host}.`, {
    fields: { host },
  });
}
