package anchor

// Vouch is what decides whose signature a token may have.
var Vouch = vouch
