using System.CommandLine;

namespace Chasqui.Cli;

/// <summary><c>ask "…"</c>: one answer, streamed.</summary>
internal static class AskVerb
{
    public static Command Build(CliContext context)
    {
        var prompt = new Argument<string[]>("PROMPT")
        {
            Description = "What to ask; standard input is appended when it is a pipe",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var stats = new Option<bool>("--stats") { Description = "Print what it took, on standard error" };
        var command = new Command("ask", "Ask a model, and stream its answer") { prompt, stats };
        var flags = new GenerationFlags(command);
        command.SetAction(async (parsed, _) =>
        {
            using var scope = context.Interrupts.Begin();
            var options = flags.Options(parsed);
            var format = flags.Format(parsed);
            var server = GlobalOptions.ServerOf(parsed, context);
            var text = await PromptInput.ReadAsync(context.Console, parsed.GetValue(prompt) ?? [], scope.Token);
            await using var host = await context.Hosts(parsed).ChooseAsync(server, scope.Token);
            var request = new ChatRequest
            {
                Model = await ModelNames.ChooseAsync(flags.Model(parsed), host, context.Console, scope.Token),
                Messages = Messages(flags.System(parsed), text),
                Options = options,
                Format = format,
            };
            await AnswerAsync(context.Console, host, request, parsed.GetValue(GlobalOptions.Json), parsed.GetValue(stats), scope.Token);
            return ExitCodes.Success;
        });
        return command;
    }

    private static async Task AnswerAsync(
        CliConsole console, IModelHost host, ChatRequest request, bool json, bool stats, CancellationToken cancellationToken)
    {
        var writer = new AnswerWriter(console);
        GenerationResult result;
        try
        {
            result = await writer.WriteAsync(host.ChatAsync(request, cancellationToken), show: !json);
        }
        finally
        {
            // A cancelled or broken answer ends its line too, before anything else is said.
            if (!json)
                writer.EndLine();
        }
        if (json)
            console.Out.WriteLine(AnswerReport.ToJson(request.Model, writer, result));
        if (stats)
            console.Remark(AnswerReport.ToLine(result));
    }

    private static ChatMessage[] Messages(string? system, string prompt)
    {
        var user = new ChatMessage { Role = "user", Content = prompt };
        return system is null ? [user] : [new ChatMessage { Role = "system", Content = system }, user];
    }
}
