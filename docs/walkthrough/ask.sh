# What the walk-throughs share: sourced by them, run from anywhere, against a running `make run`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
base=${CALDICOTT_API:-http://127.0.0.1:8080/api/v1}
answer=$(mktemp) headers=$(mktemp)
trap 'rm -f "$answer" "$headers"' EXIT

# ask STATUS PERSON METHOD PATH [curl's own…]: sends a request as the person and expects the status.
ask() {
	local want=$1 person=$2 method=$3 path=$4 got
	shift 4
	got=$(curl -sS -o "$answer" -D "$headers" -w '%{http_code}' -X "$method" "$base$path" \
		-H "Authorization: Bearer $(bin/caldicott token "$person")" -H 'Content-Type: application/json' "$@")
	printf '%-16s %-5s %-42s %s %s\n' "$person" "$method" "$(sed -E 's#/[0-9a-f]{8}-[0-9a-f-]{27}#/{id}#' <<<"$path")" "$got" "$(member code)"
	[ "$got" = "$want" ] || { echo "expected $want:"; cat "$answer"; exit 1; }
}
# member NAME: the first string member of that name in the answer.
member() { { grep -o '"'"$1"'" *: *"[^"]*"' "$answer" || true; } | head -n 1 | cut -d '"' -f 4; }
etag() { sed -n 's/^[Ee][Tt][Aa][Gg]: *\("[0-9]*"\).*/\1/p' "$headers"; }
seen() { ask 200 "$1" GET "/requests/$request"; revision=$(etag); }
deed() { # deed STATUS PERSON PATH BODY: reads the request, then does a deed on what was read
	seen "$2"
	ask "$1" "$2" POST "/requests/$request/$3" -H "If-Match: $revision" -d "$4"
}
