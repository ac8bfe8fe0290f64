package issuer

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
)

// lookup is net.Resolver's LookupNetIP.
type lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)

// loopback answers the numeric address to listen on, or ErrRefused. It answers
// numbers even for localhost, so that what was checked is what is opened.
func loopback(ctx context.Context, addr string, look lookup) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("%w: the address must be host:port", ErrRefused)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", fmt.Errorf("%w: the port must be a number", ErrRefused)
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		ip, err = localhost(ctx, host, look)
	}
	if err != nil || !ip.Unmap().IsLoopback() {
		return "", fmt.Errorf("%w: the address is not loopback", ErrRefused)
	}
	return net.JoinHostPort(ip.Unmap().String(), port), nil
}

// localhost resolves the one name we take, and takes it only when every address
// behind it is loopback: a hosts file is anyone's to write.
func localhost(ctx context.Context, host string, look lookup) (netip.Addr, error) {
	if host != "localhost" {
		return netip.Addr{}, ErrRefused
	}
	found, err := look(ctx, "ip", host)
	if err != nil || len(found) == 0 {
		return netip.Addr{}, ErrRefused
	}
	chosen := found[0].Unmap()
	for _, ip := range found {
		if !ip.Unmap().IsLoopback() {
			return netip.Addr{}, ErrRefused
		}
		if !chosen.Is4() {
			chosen = ip.Unmap()
		}
	}
	return chosen, nil
}

// isLoopbackURL holds the places a code may be sent to, as RFC 8252 has it.
func isLoopbackURL(u *url.URL) bool {
	ip, err := netip.ParseAddr(u.Hostname())
	here := u.Hostname() == "localhost" || err == nil && ip.Unmap().IsLoopback()
	return here && (u.Scheme == "http" || u.Scheme == "https") && u.User == nil && u.Fragment == ""
}

// onlyHere refuses requests that came under another name. A page elsewhere can
// point its own name at 127.0.0.1 and then counts as our own origin (DNS
// rebinding); it cannot change the Host its name gives.
func (i *Issuer) onlyHere(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != i.host {
			http.Error(w, "not here", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}
