package notify

import (
	"errors"
	"net/netip"
	"syscall"
)

// errForbidden is what a webhook meets that leads inside.
var errForbidden = &failure{text: "the address is not one that a webhook may call", permanent: true}

// forbidden are the addresses inside the public ranges that lead to no receiver: this machine, its neighbours, tunnels to
// them, documentation, and what clouds answer their machines on.
var forbidden = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
	"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"224.0.0.0/4", "240.0.0.0/4",
	"168.63.129.16/32", // a cloud's own, public by its number

	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
)

// public is where IPv6 has addresses that everyone may reach; the rest (loopback, link-local, unique local, multicast,
// IPv4 written as IPv6 …) is not for webhooks.
var public = netip.MustParsePrefix("2000::/3")

func prefixes(list ...string) []netip.Prefix {
	parsed := make([]netip.Prefix, len(list))
	for i, p := range list {
		parsed[i] = netip.MustParsePrefix(p)
	}
	return parsed
}

// guard decides which addresses a webhook may call. It sits in the dialer and so judges what a name was resolved to, at
// the moment of the call: a name that changes its address between a check and the call gains nothing.
type guard struct {
	allow []netip.Prefix // reached whatever else is said
	clear bool           // the URL is http: on loopback only
}

// control is net.Dialer's Control.
func (g guard) control(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !g.mayCall(to.Addr()) {
		return errForbidden
	}
	return nil
}

// mayCall judges one address.
func (g guard) mayCall(ip netip.Addr) bool {
	plain := ip.Unmap()
	if g.clear && !plain.IsLoopback() {
		return false
	}
	if within(g.allow, plain) {
		return true
	}
	if ip.Is6() && !public.Contains(ip) { // IPv4 in IPv6 too: nobody who means well writes it so
		return false
	}
	return ip.IsValid() && !within(forbidden, plain)
}

// within says whether one of the prefixes holds the address.
func within(list []netip.Prefix, ip netip.Addr) bool {
	for _, p := range list {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// onlyLoopback is net.Dialer's Control for what is sent in clear.
func onlyLoopback(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !to.Addr().Unmap().IsLoopback() {
		return errors.New("the address is not loopback")
	}
	return nil
}
