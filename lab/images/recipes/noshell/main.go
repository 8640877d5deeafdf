// A service whose image holds this program alone. GET /health answers; PUT /data/NAME writes a file.
// "noshell check" asks /health, for a health check without curl.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

func folder() string {
	if name := os.Getenv("NOSHELL_DATA"); name != "" {
		return name
	}
	return "/data"
}

func health(answer http.ResponseWriter, _ *http.Request) {
	starts := filepath.Join(folder(), "starts")
	text, err := os.ReadFile(starts)
	if err != nil {
		http.Error(answer, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintf(answer, "ok, start %s\n", text)
}

func put(answer http.ResponseWriter, call *http.Request) {
	target := filepath.Join(folder(), filepath.Base(call.URL.Path))
	body, err := io.ReadAll(call.Body)
	if err == nil {
		err = os.WriteFile(target, body, 0o640)
	}
	if err != nil {
		http.Error(answer, err.Error(), http.StatusInternalServerError)
	}
}

func countStart() error {
	starts := filepath.Join(folder(), "starts")
	text, err := os.ReadFile(starts)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	count, _ := strconv.Atoi(string(text))
	return os.WriteFile(starts, []byte(strconv.Itoa(count+1)), 0o644)
}

func check() int {
	client := http.Client{Timeout: 5 * time.Second}
	answer, err := client.Get("http://127.0.0.1:8080/health")
	if err != nil || answer.StatusCode != http.StatusOK {
		return 1
	}
	return 0
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "check" {
		os.Exit(check())
	}
	if err := countStart(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	http.HandleFunc("/health", health)
	http.HandleFunc("/data/", put)
	fmt.Fprintln(os.Stderr, http.ListenAndServe(":8080", nil))
	os.Exit(1)
}
