using System.CommandLine;

namespace Chasqui.Cli;

/// <summary>The verbs of <c>models</c> that change which models there are.</summary>
internal static class ManageVerbs
{
    public static IEnumerable<Command> Build(CliContext context) => [Pull(context), Push(context), CreateVerb.Build(context), Copy(context), Remove(context)];

    /// <summary>The node that it is done on.</summary>
    public static Option<string?> NodeOption() => new("--node")
    {
        Description = "The node to do it on, by its name, or 'all' (default: the gateway chooses)",
        HelpName = "NAME|all",
    };

    private static Command Pull(CliContext context) => Transfer(context, "pull", "Fetch a model from its registry, with progress; again to go on with a pull that was broken off",
        (manager, request, cancellationToken) => manager.PullAsync(request, cancellationToken), "is there");

    private static Command Push(CliContext context) => Transfer(context, "push", "Send a model to its registry, with progress",
        (manager, request, cancellationToken) => manager.PushAsync(request, cancellationToken), "is in its registry");

    private static Command Transfer(
        CliContext context, string name, string description, Func<IModelManager, TransferRequest, CancellationToken, IAsyncEnumerable<ModelProgress>> transfer, string done)
    {
        var model = new Argument<string>("NAME") { Description = "Its name, such as llama3.2, HOST:PORT/OWNER/MODEL:TAG or hf.co/OWNER/REPOSITORY:Q4_K_M" };
        var insecure = new Option<bool>("--insecure") { Description = "Speak to the registry without TLS (also: a name that begins with http://)" };
        var node = NodeOption();
        var command = new Command(name, description) { model, insecure, node };
        command.SetAction((parsed, _) => ModelsVerbs.WithHostAsync(context, parsed, gatewayOnly: false, async (host, cancellationToken) =>
        {
            var request = new TransferRequest { Model = parsed.GetRequiredValue(model), Insecure = parsed.GetValue(insecure) };
            var json = parsed.GetValue(GlobalOptions.Json);
            await ProgressReport.RunAsync(context.Console, json, transfer(host.Manage(parsed.GetValue(node)), request, cancellationToken), cancellationToken);
            if (!json)
                context.Console.Remark($"{request.Model} {done}.");
        }));
        return command;
    }

    private static Command Copy(CliContext context)
    {
        var source = new Argument<string>("SOURCE") { Description = "A model" };
        var destination = new Argument<string>("DESTINATION") { Description = "Its second name" };
        var node = NodeOption();
        var command = new Command("cp", "Give a model a second name") { source, destination, node };
        command.Aliases.Add("copy");
        command.SetAction((parsed, _) => ModelsVerbs.WithHostAsync(context, parsed, gatewayOnly: false, async (host, cancellationToken) =>
        {
            var (from, to) = (parsed.GetRequiredValue(source), parsed.GetRequiredValue(destination));
            await host.Manage(parsed.GetValue(node)).CopyAsync(from, to, cancellationToken);
            if (parsed.GetValue(GlobalOptions.Json))
                context.Console.Out.WriteLine(ModelsJson.Copied(from, to));
            else
                context.Console.Remark($"{to} is {from}.");
        }));
        return command;
    }

    private static Command Remove(CliContext context)
    {
        var models = new Argument<string[]>("NAME") { Description = "Models to remove", Arity = ArgumentArity.OneOrMore };
        var node = NodeOption();
        var command = new Command("rm", "Remove models from the disk; one in memory stays there until it is unloaded") { models, node };
        command.Aliases.Add("delete");
        command.SetAction((parsed, _) => ModelsVerbs.WithHostAsync(context, parsed, gatewayOnly: false, async (host, cancellationToken) =>
        {
            var manager = host.Manage(parsed.GetValue(node));
            foreach (var model in parsed.GetRequiredValue(models))
            {
                await manager.DeleteAsync(model, cancellationToken);
                if (parsed.GetValue(GlobalOptions.Json))
                    context.Console.Out.WriteLine(ModelsJson.Removed(model));
                else
                    context.Console.Remark($"{model} is removed.");
            }
        }));
        return command;
    }
}
