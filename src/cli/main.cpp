// The command line: which subcommand, and how an error is shown.
int main() { return 0; }
