using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Text;
using System.Text.RegularExpressions;

namespace Chasqui.Cli;

/// <summary>Puts examples, and at the root the exit codes, below the generated help.</summary>
internal static partial class HelpText
{
    private const string ExitCodeTable = """
        Exit codes:
          0    it did what was asked
          1    it failed; standard error says why: "error: …", with --json {"error":"…"}
          2    it was used wrongly
          3    no gateway answers, or the connection to it broke
          130  Ctrl-C or SIGTERM ended it early ('serve' drains and returns 0)
        """;

    private static readonly Dictionary<string, string[]> _examples = new(StringComparer.Ordinal)
    {
        ["chasqui"] =
        [
            "chasqui serve           # then: curl http://127.0.0.1:11435/api/tags",
            "chasqui ask \"Why is the sky blue?\"",
            "git diff | chasqui ask \"Summarise this change\"",
            "chasqui models list",
        ],
        ["serve"] =
        [
            "chasqui serve",
            "chasqui keys add laptop && chasqui serve --http 0.0.0.0:8080",
            "chasqui serve --node gpu1=http://10.0.0.5:11434 --models /srv/models",
        ],
        ["ask"] =
        [
            "chasqui ask \"Tell me a story\" --seed 7 --stats",
            "chasqui ask --model llama3.2 --system \"Answer in French\" \"Good morning\"",
            "chasqui ask --format @schema.json --json \"A city\" | jq .text",
            "cat notes.txt | chasqui ask \"What is open?\"     # then comes what is piped in",
        ],
        ["chat"] =
        [
            "chasqui chat",
            "printf 'Hello\\nAnd again\\n' | chasqui chat      # a turn a line",
        ],
        ["simulate"] =
        [
            "chasqui simulate     # a sample trace that comes with the program",
            "chasqui simulate --trace conv.csv --nodes 4x8@80GB --models llama3:size=5GB,load=6s,decode=40",
            "chasqui simulate --trace conv.csv --speed 20 --find-nodes 2s",
            "chasqui simulate --trace mine.csv --models a --models b:share=0.2 --json | jq .loads",
        ],
        ["models list"] = ["chasqui models list", "chasqui models list | cut -f1                   # in a pipe: tabs, no heading"],
        ["models load"] = ["chasqui models load mini --keep-alive 1h"],
        ["models show"] = ["chasqui models show mini", "chasqui models show mini --json | jq .metadata"],
        ["models pull"] = ["chasqui models pull llama3.2", "chasqui models pull hf.co/unsloth/gemma-3-270m-it-GGUF:Q4_K_M", "chasqui models pull llama3.2 --node all"],
        ["models push"] = ["chasqui models push registry.local:5000/me/mini:v2 --insecure"],
        ["models cp"] = ["chasqui models cp mini me/mini:v2"],
        ["models rm"] = ["chasqui models rm me/mini:v2 old-model"],
        ["models create"] =
        [
            "chasqui models create pirate --from mini --system \"You are a pirate.\" --param temperature=0.8",
            "chasqui models create mine --gguf ./mine.gguf --template chat.tmpl --param stop=\"<|im_end|>\"",
        ],
        ["nodes"] = ["chasqui nodes", "chasqui nodes --json | jq -r '.[] | select(.state != \"up\") | .name'"],
        ["keys"] = ["chasqui keys add laptop", "chasqui keys list", "chasqui keys rm laptop"],
        ["keys add"] =
        [
            "chasqui keys add laptop",
            "chasqui keys add ci --rpm 60 --tpm 100000 --models mini 'llama3*' --expires 90d",
            "chasqui keys add ops --scopes infer,models,admin",
            "export CHASQUI_KEY=$(chasqui keys add shell)    # it prints the key alone",
        ],
        ["sessions"] = ["chasqui sessions list", "chasqui chat --session new", "chasqui sessions follow s-1"],
        ["sessions list"] = ["chasqui sessions list", "chasqui sessions list --json | jq -r '.sessions[].id'"],
        ["sessions show"] = ["chasqui sessions show s-1", "chasqui sessions show s-1 --json | jq .messages"],
        ["sessions fork"] = ["chasqui sessions fork s-1 --at 4 --title \"Another end\""],
        ["sessions export"] = ["chasqui sessions export s-1 --output s-1.jsonl"],
        ["sessions rm"] = ["chasqui sessions rm s-1 s-2"],
        ["sessions follow"] = ["chasqui sessions follow s-1", "chasqui sessions follow s-1 --after 4"],
        ["keys list"] = ["chasqui keys list", "chasqui keys list --json | jq -r '.[].name'"],
        ["keys rm"] = ["chasqui keys rm laptop ci"],
        ["bench"] = ["chasqui bench engine --rounds 3 --json bench.json"],
    };

    public static void Customize(RootCommand root, CliConsole console)
    {
        var help = root.Options.OfType<HelpOption>().Single();
        if (help.Action is SynchronousCommandLineAction generated)
            help.Action = new WithExamples(generated, console);
    }

    [GeneratedRegex(" (?=--|\\| )")]
    private static partial Regex OptionsAndPipes();

    private sealed class WithExamples(SynchronousCommandLineAction generated, CliConsole console) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        /// <summary>Groups have verbs of one name; each has examples of its own.</summary>
        private static string[]? Examples(Command command) => _examples.GetValueOrDefault(
            command is RootCommand ? ProgramName.Installed : command.Parents.FirstOrDefault() is Command and not RootCommand and var group ? $"{group.Name} {command.Name}" : command.Name);

        /// <summary>An example that is too long for the terminal goes on in the next line, as a shell takes it.</summary>
        private string Fit(string example)
        {
            const string next = " \\\n      ";
            var most = console.OutputIsTerminal ? console.Width() - "  ".Length : int.MaxValue;
            var lines = new StringBuilder();
            var column = 0;
            foreach (var part in OptionsAndPipes().Split(example))
            {
                if (column > 0 && column + 1 + part.Length + " \\".Length > most)
                {
                    lines.Append(next);
                    column = next.Length - " \\\n".Length;
                }
                else if (column > 0)
                {
                    lines.Append(' ');
                    column++;
                }
                lines.Append(part);
                column += part.Length;
            }
            return lines.ToString();
        }

        /// <summary>Without a line, and without those that go on with its description.</summary>
        private static string Without(string text, Predicate<string> isLine)
        {
            var isLeftOut = false;
            return string.Join('\n', text.Split('\n').Where(line =>
            {
                isLeftOut = isLine(line) || (isLeftOut && line.StartsWith("     ", StringComparison.Ordinal));
                return !isLeftOut;
            }));
        }

        public override int Invoke(ParseResult parseResult)
        {
            var command = parseResult.CommandResult.Command;
            var isRoot = command is RootCommand;
            var output = parseResult.InvocationConfiguration.Output;
            using var help = new StringWriter();
            parseResult.InvocationConfiguration.Output = help;
            // The generated help asks the terminal, which is not where it is written here.
            if (console.OutputIsTerminal && generated is HelpAction)
                ((HelpAction)generated).MaxWidth = console.Width();
            generated.Invoke(parseResult);
            parseResult.InvocationConfiguration.Output = output;
            // Of what is generated, the usage alone begins with the program's name.
            var text = help.ToString();
            // A verb's own option takes the place of the global one of its name.
            if (command.Options.Any(option => option.Name == GlobalOptions.Json.Name))
                text = Without(text, line => line.StartsWith($"  {GlobalOptions.Json.Name}  ", StringComparison.Ordinal));
            foreach (var name in GatewayOptionsUse.Missing(command))
                text = Without(text, line => line.StartsWith($"  {name} ", StringComparison.Ordinal));
            output.Write(text.Replace($"\n  {parseResult.RootCommandResult.Command.Name} ", $"\n  {console.Command} ",
                StringComparison.Ordinal));
            if (Examples(command) is { } examples)
            {
                output.WriteLine("Examples:");
                foreach (var example in examples)
                    output.WriteLine("  " + Fit(ProgramName.FillExample(example, console.Command)));
                output.WriteLine();
            }
            if (isRoot)
            {
                if (console.Command != ProgramName.Installed)
                    output.WriteLine($"'{console.Command} install' makes the command '{ProgramName.Installed}', for any folder.\n");
                output.WriteLine(ExitCodeTable);
            }
            return ExitCodes.Success;
        }
    }
}
