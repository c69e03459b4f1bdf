using System.CommandLine;
using Chasqui.Bench;

namespace Chasqui.Cli;

/// <summary><c>bench SCENARIO</c>: measures, prints a table, and writes JSON.</summary>
internal static class BenchVerb
{
    public static Command Build(CliContext context)
    {
        var usual = new BenchOptions();
        var scenario = new Argument<string?>("SCENARIO") { Description = "What to measure; without it, what there is", Arity = ArgumentArity.ZeroOrOne };
        var rounds = new Option<int?>("--rounds")
        {
            Description = $"Times that each thing is measured, in turns (default {usual.Rounds})",
            HelpName = "N",
            CustomParser = ParseErrors.Number<int>("--rounds"),
        };
        var seconds = new Option<double?>("--seconds")
        {
            Description = $"How long one measurement lasts (default {usual.Seconds})",
            HelpName = "S",
            CustomParser = ParseErrors.Number<double>("--seconds"),
        };
        var minutes = new Option<double?>("--minutes")
        {
            Description = $"How long a gateway is attacked (hostile; default {usual.Minutes})",
            HelpName = "N",
            CustomParser = ParseErrors.Number<double>("--minutes"),
        };
        var attack = new Option<string?>("--attack") { Description = "The one attack that is made (hostile; default all, mixed at random)", HelpName = "NAME" };
        var seed = new Option<int?>("--seed")
        {
            Description = "What decides about the mix (hostile; default made up, and printed)",
            HelpName = "N",
            CustomParser = ParseErrors.Number<int>("--seed"),
        };
        // Takes the place of the global --json: here it names a file.
        var json = new Option<string?>("--json") { Description = "Also write the result to a file", HelpName = "FILE" };
        var command = new Command("bench", "Measure this machine") { scenario, rounds, seconds, minutes, attack, seed, json };
        command.SetAction((parsed, _) =>
        {
            var options = new BenchOptions
            {
                Rounds = parsed.GetValue(rounds) ?? usual.Rounds,
                Seconds = parsed.GetValue(seconds) ?? usual.Seconds,
                Minutes = parsed.GetValue(minutes) ?? usual.Minutes,
                Attack = parsed.GetValue(attack),
                Seed = parsed.GetValue(seed),
            };
            if (options.Rounds is < 1 or > 1000)
                throw new UsageException($"--rounds is {options.Rounds}, but must be from 1 to 1000");
            if (!(options.Seconds is >= 0.2 and <= 3600))
                throw new UsageException(FormattableString.Invariant($"--seconds is {options.Seconds}, but must be from 0.2 to 3600"));
            if (!(options.Minutes is >= 0.1 and <= 1440))
                throw new UsageException(FormattableString.Invariant($"--minutes is {options.Minutes}, but must be from 0.1 to 1440"));
            if (options.Seed < 0)
                throw new UsageException($"--seed is {options.Seed}, but must be at least 0");
            return RunAsync(context, parsed.GetValue(scenario), options, parsed.GetValue(json));
        });
        return command;
    }

    private static async Task<int> RunAsync(CliContext context, string? name, BenchOptions options, string? jsonFile)
    {
        var console = context.Console;
        if (name is null)
        {
            var width = context.Scenarios.Select(s => s.Name.Length).Append(0).Max() + 2;
            if (console.OutputIsTerminal)
            {
                foreach (var one in context.Scenarios)
                    console.Out.WriteLine(Paragraph.Wrap(one.Name.PadRight(width) + one.Description, console.Width(), width));
            }
            else
            {
                TableOutput.Write(console, ["SCENARIO", "WHAT IT MEASURES"],
                    context.Scenarios.Select(s => (IReadOnlyList<string>)[s.Name, s.Description]));
            }
            return ExitCodes.Success;
        }
        var scenario = context.Scenarios.FirstOrDefault(s => s.Name == name) ?? throw new UsageException(
            context.Scenarios.Count == 0
                ? $"there is no scenario '{name}': this build has none"
                : $"there is no scenario '{name}', but {string.Join(", ", context.Scenarios.Select(s => s.Name))}");
        if (!scenario.AttacksGateway && (options.Attack is not null || options.Seed is not null || options.Minutes != new BenchOptions().Minutes))
            throw new UsageException($"--attack, --minutes and --seed are for 'bench hostile', not for '{name}'");
        // Before the measuring, which takes minutes.
        if (jsonFile is not null)
            await File.WriteAllTextAsync(jsonFile, "");
        using var scope = context.Interrupts.Begin();
        var report = await scenario.RunAsync(options, new Remarks(console), scope.Token);
        if (jsonFile is not null)
            await File.WriteAllTextAsync(jsonFile, report.ToJson() + "\n", scope.Token);
        BenchTable.Write(console, report);
        return ExitCodes.Success;
    }

    /// <summary>Not <see cref="Progress{T}"/>, which would reorder the lines.</summary>
    private sealed class Remarks(CliConsole console) : IProgress<string>
    {
        public void Report(string value) => console.Remark(value);
    }
}
