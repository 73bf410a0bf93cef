/** Which network addresses may be fetched from: public ones only, so that no claim reaches what stands behind the firewall. */

import { BlockList, isIPv4, isIPv6 } from "node:net";

/** Not globally reachable by IANA's registry (iana.org/assignments/iana-ipv4-special-registry), multicast, and what is reserved. */
const forbiddenIpv4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
];

/** All that is not in global unicast (2000::/3), and within it what is special (iana.org/assignments/iana-ipv6-special-registry). */
const forbiddenIpv6 = [
  "::/3",
  "4000::/2",
  "8000::/1",
  "2001::/23",
  "2001:db8::/32",
  "2002::/16",
  "3fff::/20",
];

const ipv4 = blockList("ipv4", forbiddenIpv4);
const ipv6 = blockList("ipv6", forbiddenIpv6);
/** NAT64 (RFC 6052): the last four bytes are the IPv4 address that is reached, so that one counts. */
const translated = blockList("ipv6", ["64:ff9b::/96"]);

/** True for an address that no claim may lead to, and for what is no address. */
export function isForbiddenAddress(address: string): boolean {
  if (isIPv4(address)) return ipv4.check(address, "ipv4");
  if (!isIPv6(address) || address.includes("%")) return true;
  return translated.check(address, "ipv6")
    ? ipv4.check(lastFourBytes(address), "ipv4")
    : ipv6.check(address, "ipv6");
}

function blockList(family: "ipv4" | "ipv6", networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", bits] = network.split("/");
    list.addSubnet(address, Number(bits), family);
  }
  return list;
}

/** As dotted decimals, of whatever way there is to write the IPv6 address. */
function lastFourBytes(address: string): string {
  // The URL parser writes every IPv6 address in one way: groups in hexadecimal, the longest run of zeros as "::".
  const groups = new URL(`http://[${address}]`).hostname.slice(1, -1).split(":");
  const [high, low] = groups.slice(-2).map((group) => Number.parseInt(group || "0", 16));
  return [high, low].flatMap((group = 0) => [group >> 8, group & 255]).join(".");
}
