using System.CommandLine;

namespace Chasqui.Cli;

/// <summary><c>models …</c>: what there is, what is in memory, and putting it there.</summary>
internal static class ModelsVerbs
{
    public static Command Build(CliContext context)
    {
        var command = new Command("models", "List, show, load, unload, pull, push, create, copy and remove models")
        {
            List(context),
            Resident(context),
            Show(context),
            Load(context),
            Unload(context),
        };
        foreach (var verb in ManageVerbs.Build(context))
            command.Subcommands.Add(verb);
        return command;
    }

    private static Command List(CliContext context)
    {
        var command = new Command("list", "The models that can be asked for, newest first");
        command.Aliases.Add("ls");
        command.SetAction((parsed, _) => WithHostAsync(context, parsed, gatewayOnly: false, async (host, cancellationToken) =>
        {
            var models = await host.ListAsync(cancellationToken);
            if (parsed.GetValue(GlobalOptions.Json))
            {
                context.Console.Out.WriteLine(ModelsJson.List(models));
                return;
            }
            if (models.Count == 0)
                context.Console.Remark($"{host.Place} has no models.");
            else
                WriteList(context, models, await GatewayNode.SeveralAsync(host, cancellationToken));
        }));
        return command;
    }

    private static Command Resident(CliContext context)
    {
        var command = new Command("ps", "The models in memory");
        command.SetAction((parsed, _) => WithHostAsync(context, parsed, gatewayOnly: true, async (host, cancellationToken) =>
        {
            var models = await host.ListResidentAsync(cancellationToken);
            if (parsed.GetValue(GlobalOptions.Json))
            {
                context.Console.Out.WriteLine(ModelsJson.Resident(models));
                return;
            }
            if (models.Count == 0)
                context.Console.Remark("No model is in memory.");
            else if (await GatewayNode.SeveralAsync(host, cancellationToken) is { Count: > 0 } nodes)
                WriteResident(context, GatewayNode.ResidentOn(nodes, models));
            else
                WriteResident(context, [.. models.Select(model => (model, (string?)null))]);
        }));
        return command;
    }

    private static Command Show(CliContext context)
    {
        var model = ModelArgument();
        var command = new Command("show", "Everything known of a model") { model };
        command.SetAction((parsed, _) => WithHostAsync(context, parsed, gatewayOnly: false, async (host, cancellationToken) =>
        {
            var description = await host.ShowAsync(parsed.GetRequiredValue(model), cancellationToken);
            if (parsed.GetValue(GlobalOptions.Json))
                context.Console.Out.WriteLine(ModelsJson.Show(description));
            else
                ModelSheet.Write(context.Console, description);
        }));
        return command;
    }

    private static Command Load(CliContext context)
    {
        var model = ModelArgument();
        var keepAlive = new Option<string?>("--keep-alive")
        {
            Description = "How long it stays when unused: 30s, 10m, 1h30m, or 'forever' (default: the gateway's)",
            HelpName = "TIME",
        };
        var numCtx = new Option<int?>("--num-ctx")
        {
            Description = "Context length in tokens",
            HelpName = "TOKENS",
            CustomParser = ParseErrors.Number<int>("--num-ctx"),
        };
        var command = new Command("load", "Put a model into memory") { model, keepAlive, numCtx };
        command.SetAction((parsed, _) => WithHostAsync(context, parsed, gatewayOnly: true, async (host, cancellationToken) =>
        {
            var name = parsed.GetRequiredValue(model);
            var request = new LoadRequest
            {
                Model = name,
                KeepAlive = parsed.GetValue(keepAlive) is { } text ? TimeText.Parse("--keep-alive", text) : null,
                Options = new GenerationOptions { NumCtx = parsed.GetValue(numCtx) },
            };
            var took = await Spinner.RunAsync(context.Console, $"Loading {name}…", host.LoadAsync(request, cancellationToken));
            if (parsed.GetValue(GlobalOptions.Json))
                context.Console.Out.WriteLine(ModelsJson.Loaded(name, took));
            else
                context.Console.Remark(took > TimeSpan.Zero ? $"{name} is in memory, after {HumanText.Duration(took)}." : $"{name} is in memory.");
        }));
        return command;
    }

    private static Command Unload(CliContext context)
    {
        var model = ModelArgument();
        var command = new Command("unload", "Free a model's memory once its requests have ended") { model };
        command.SetAction((parsed, _) => WithHostAsync(context, parsed, gatewayOnly: true, async (host, cancellationToken) =>
        {
            var name = parsed.GetRequiredValue(model);
            var was = await Spinner.RunAsync(context.Console, $"Unloading {name}…", host.UnloadAsync(name, cancellationToken));
            if (parsed.GetValue(GlobalOptions.Json))
                context.Console.Out.WriteLine(ModelsJson.Unloaded(name, was));
            else
                context.Console.Remark(was ? $"{name} has left memory." : $"{name} was not in memory.");
        }));
        return command;
    }

    private static Argument<string> ModelArgument() => new("MODEL") { Description = "Its name; ':latest' is implied" };

    /// <param name="context">The program's context.</param>
    /// <param name="parsed">The command line.</param>
    /// <param name="gatewayOnly">For what makes no sense with an engine that ends with this command.</param>
    /// <param name="action">What to do.</param>
    internal static async Task<int> WithHostAsync(
        CliContext context, ParseResult parsed, bool gatewayOnly, Func<IModelHost, CancellationToken, Task> action)
    {
        using var scope = context.Interrupts.Begin();
        var server = GlobalOptions.ServerOf(parsed, context);
        await using var host = gatewayOnly ? await context.Hosts(parsed).GatewayAsync(server, scope.Token) : await context.Hosts(parsed).ChooseAsync(server, scope.Token);
        await action(host, scope.Token);
        return ExitCodes.Success;
    }

    private static void WriteList(CliContext context, IReadOnlyList<ModelSummary> models, IReadOnlyList<GatewayNode> nodes)
    {
        string[] columns = ["NAME", ">SIZE", "?>PARAMETERS", "?QUANTIZATION", "ID", "?MODIFIED"];
        TableOutput.Write(context.Console, nodes.Count > 0 ? [.. columns, "~NODES"] : columns, models.Select(m =>
            (IReadOnlyList<string>)
            [
                m.Name,
                HumanText.Size(m.SizeBytes),
                m.Details.ParameterSize,
                m.Details.QuantizationLevel,
                m.Digest[..Math.Min(12, m.Digest.Length)],
                TimeText.When(context, m.ModifiedAt),
                .. nodes.Count > 0 ? [string.Join(", ", GatewayNode.Serving(nodes, m.Name).Select(node => node.Name))]
                    : Array.Empty<string>(),
            ]));
    }

    /// <param name="context">The console.</param>
    /// <param name="models">Each with its node; that is null where there is one node alone.</param>
    private static void WriteResident(CliContext context, IReadOnlyList<(ResidentModel Model, string? Node)> models)
    {
        string[] columns = ["NAME", ">SIZE", "?PROCESSOR", "?>CONTEXT", "?UNTIL"];
        var now = context.Time.GetUtcNow();
        TableOutput.Write(context.Console, models.Any(m => m.Node is not null) ? [.. columns, "NODE"] : columns, models.Select(m =>
            (IReadOnlyList<string>)
            [
                m.Model.Summary.Name,
                HumanText.Size(m.Model.SizeBytes),
                Processor(m.Model),
                FormattableString.Invariant($"{m.Model.ContextLength}"),
                // "Never" travels as a time centuries ahead.
                m.Model.ExpiresAt > now.AddYears(50) ? "forever" : TimeText.When(context, m.Model.ExpiresAt),
                .. m.Node is { } node ? [node] : Array.Empty<string>(),
            ]));
    }

    private static string Processor(ResidentModel model)
    {
        if (model.VideoMemoryBytes <= 0 || model.SizeBytes <= 0)
            return "CPU";
        var percent = (int)Math.Round(100.0 * Math.Min(model.VideoMemoryBytes, model.SizeBytes) / model.SizeBytes);
        return percent == 100 ? "GPU" : FormattableString.Invariant($"{percent}% GPU");
    }
}
