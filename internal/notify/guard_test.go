package notify

import (
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

func TestAWebhookCallsNobodyInside(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"127.0.0.1", "127.8.9.10", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", // this machine, private
		"169.254.1.1", "169.254.169.254", "100.100.100.200", "192.0.0.192", "168.63.129.16", // link-local, and what clouds answer on
		"100.64.0.1", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "ff0e::1",
		"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:93.184.215.14", "::127.0.0.1", // IPv4 in disguise
		"64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::1", "2001::1", "2001:0:53aa:64c::1", // tunnels and translations
		"2001:db8::1", "3fff::1", "100::1", "5f00::1", "4000::1", "2606:4700::1111%eth0",
	} {
		if (guard{}).mayCall(netip.MustParseAddr(address)) {
			t.Errorf("%s may be called", address)
		}
		port := netip.AddrPortFrom(netip.MustParseAddr(address), 443).String()
		if err := (guard{}).control("tcp", port, nil); !Permanent(err) {
			t.Errorf("%s: %v", port, err)
		}
	}
	for _, address := range []string{"93.184.215.14", "8.8.8.8", "172.32.0.1", "100.128.0.1", "168.63.129.17", "2606:4700::1111", "2a00:1450:4009::1"} {
		if !(guard{}).mayCall(netip.MustParseAddr(address)) {
			t.Errorf("%s may not be called", address)
		}
	}
	for _, malformed := range []string{"", "127.0.0.1", "relay.example:443", "[::1"} {
		if err := (guard{}).control("tcp", malformed, nil); !Permanent(err) {
			t.Errorf("%q: %v", malformed, err)
		}
	}
}

func TestWhatIsAllowedInsideIsOnlyThat(t *testing.T) {
	t.Parallel()
	g := guard{allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00:1::/32")}}
	for address, want := range map[string]bool{
		"10.1.2.3": true, "::ffff:10.1.2.3": true, "10.2.0.1": false, "127.0.0.1": false, "fd00:1::7": true, "fd00:2::7": false, "8.8.8.8": true,
	} {
		if got := g.mayCall(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}

func TestHTTPInClearReachesLoopbackOnly(t *testing.T) {
	t.Parallel()
	g := guard{allow: prefixes("127.0.0.0/8", "::1/128", "10.0.0.0/8"), clear: true}
	for address, want := range map[string]bool{"127.0.0.1": true, "::1": true, "10.0.0.1": false, "8.8.8.8": false} {
		if got := g.mayCall(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
	if (guard{clear: true}).mayCall(netip.MustParseAddr("127.0.0.1")) {
		t.Error("loopback may be called though nobody allowed it")
	}
}

func TestWhatIsSentInClearStaysOnThisMachine(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"127.0.0.1:25": true, "[::1]:25": true, "[::ffff:127.0.0.1]:25": true, "10.0.0.1:25": false, "[2606:4700::1111]:25": false, "localhost:25": false,
	} {
		if err := onlyLoopback("tcp", address, nil); (err == nil) != want {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// The net package's own judgement agrees: what it calls private, local or multicast is never called.
func TestTheGuardIsNoLaxerThanTheStandardLibrary(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var ip netip.Addr
		if rapid.Bool().Draw(t, "v4") {
			ip = netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "ip")))
		} else {
			ip = netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "ip")))
		}
		if (guard{}).mayCall(ip) && (!ip.IsGlobalUnicast() || ip.IsPrivate() || ip.Is4In6()) {
			t.Fatalf("%s may be called", ip)
		}
	})
}
