package main

//go:generate go test -run TestTheSettingsReferenceIsUpToDate -update .
