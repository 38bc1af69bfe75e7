//go:build tools

// Package tools names what go.mod pins.
package tools

import _ "sigs.k8s.io/kustomize/kustomize/v5"
