module noshell

go 1.21
