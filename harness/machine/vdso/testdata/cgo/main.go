// Tells its clocks when asked, as Go with C in it reads them.
package main

// #include <time.h>
import "C"

import (
	"fmt"
	"os"
	"time"
)

func main() {
	start := time.Now()
	for b := make([]byte, 1); ; {
		if _, err := os.Stdin.Read(b); err != nil {
			return
		}
		now := time.Now()
		fmt.Println(now.UnixNano(), int64(C.time(nil))*1e9, now.Sub(start).Nanoseconds())
	}
}
