module github.com/usurper/usurper/harness/fabric/bench

go 1.26

replace github.com/usurper/usurper => ../../..

require (
	github.com/Shopify/toxiproxy/v2 v2.5.0
	github.com/usurper/usurper v0.0.0
)
