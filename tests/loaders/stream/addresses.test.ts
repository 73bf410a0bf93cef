import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { isForbiddenAddress } from "../../../loaders/stream/addresses.ts";

describe("addresses that claims may not lead to", () => {
  it.each([
    ["this host", "0.0.0.0"],
    ["this network", "0.1.2.3"],
    ["private 10/8", "10.0.0.1"],
    ["shared with a carrier (CGNAT)", "100.64.0.1"],
    ["the end of it", "100.127.255.255"],
    ["loopback", "127.0.0.1"],
    ["loopback elsewhere", "127.200.1.1"],
    ["link-local: the cloud's metadata", "169.254.169.254"],
    ["private 172.16/12", "172.31.255.255"],
    ["protocol assignments", "192.0.0.8"],
    ["documentation", "192.0.2.1"],
    ["6to4 relays", "192.88.99.1"],
    ["private 192.168/16", "192.168.1.1"],
    ["benchmarks", "198.19.0.1"],
    ["documentation", "198.51.100.7"],
    ["documentation", "203.0.113.7"],
    ["multicast", "224.0.0.1"],
    ["reserved", "240.0.0.1"],
    ["broadcast", "255.255.255.255"],
    ["unspecified", "::"],
    ["loopback", "::1"],
    ["loopback, written out", "0:0:0:0:0:0:0:1"],
    ["mapped loopback", "::ffff:127.0.0.1"],
    ["mapped loopback in hexadecimal", "::ffff:7f00:1"],
    ["mapped metadata", "::ffff:169.254.169.254"],
    ["mapped, though public", "::ffff:8.8.8.8"],
    ["compatible", "::127.0.0.1"],
    ["translated private", "64:ff9b::10.0.0.1"],
    ["translated loopback", "64:ff9b::7f00:1"],
    ["translated metadata", "64:ff9b:0:0:0:0:a9fe:a9fe"],
    ["translated locally", "64:ff9b:1::1"],
    ["unique local", "fd00::1"],
    ["unique local: the cloud's metadata", "fd20:ce::254"],
    ["unique local", "fc00::1"],
    ["link-local", "fe80::1"],
    ["link-local with a zone", "fe80::1%eth0"],
    ["site-local", "fec0::1"],
    ["multicast", "ff02::1"],
    ["Teredo", "2001::7f00:1"],
    ["documentation", "2001:db8::1"],
    ["6to4 of a private address", "2002:a00:1::"],
    ["documentation", "3fff::1"],
    ["discard only", "100::1"],
    ["segment routing", "5f00::1"],
    ["no address", "localhost"],
    ["decimal", "2130706433"],
    ["octal", "0177.0.0.1"],
    ["hexadecimal", "0x7f.0.0.1"],
    ["short", "127.1"],
    ["nothing", ""],
  ])("%s: %s", (_what, address) => {
    expect(isForbiddenAddress(address)).toBe(true);
  });

  it.each([
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.0.1",
    "172.32.0.1",
    "193.0.0.1",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001:82a::200e",
    "2001:4860:4860::8888",
    "2001:200::1",
    "64:ff9b::8.8.8.8",
    "64:ff9b::101:101",
  ])("are not public ones: %s", (address) => {
    expect(isForbiddenAddress(address)).toBe(false);
  });

  it("judges a translated address as the IPv4 address in it", () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(isForbiddenAddress(`64:ff9b::${address}`)).toBe(isForbiddenAddress(address));
      }),
    );
  });
});
