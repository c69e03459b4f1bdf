using System.CommandLine;
using System.Globalization;
using Chasqui.Gateway;

namespace Chasqui.Cli;

/// <summary><c>keys …</c>: who may use the gateway. Works on the data folder itself, whether a gateway runs or not; one that runs follows within a second.</summary>
internal static class KeysVerbs
{
    public static Command Build(CliContext context) => new("keys", "Make, list and remove the keys of a gateway") { KeysAddVerb.Build(context), List(context), Remove(context) };

    private static Command List(CliContext context)
    {
        var folder = new KeyFolder();
        var command = new Command("list", "The keys there are; their secrets are nowhere to be seen");
        command.Aliases.Add("ls");
        folder.AddTo(command);
        command.SetAction((parsed, _) =>
        {
            var keys = folder.File(parsed, context).Read();
            if (parsed.GetValue(GlobalOptions.Json))
                context.Console.Out.WriteLine(KeysJson.List(keys));
            else if (keys.Count == 0)
                context.Console.Remark($"There are no keys in {folder.File(parsed, context).Path}, so every program that reaches the gateway may use it. Make one with 'chasqui keys add NAME{folder.Again(parsed)}'.");
            else
                Write(context, keys);
            return Task.FromResult(ExitCodes.Success);
        });
        return command;
    }

    private static Command Remove(CliContext context)
    {
        var folder = new KeyFolder();
        var names = new Argument<string[]>("KEY") { Description = "Names or ids of keys", Arity = ArgumentArity.OneOrMore };
        var command = new Command("rm", "Remove keys; who uses them is refused within a second") { names };
        command.Aliases.Add("remove");
        folder.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var removed = new List<AccessKey>();
            var left = 0;
            await folder.File(parsed, context).ChangeAsync(
                keys =>
                {
                    foreach (var name in parsed.GetRequiredValue(names))
                    {
                        removed.Add(keys.FirstOrDefault(key => key.Caller.Name == name || key.Id == name)
                            ?? throw new CliException($"there is no key '{name}'{(keys.Count == 0 ? "" : $"; there are {string.Join(", ", keys.Select(key => key.Caller.Name))}")}"));
                    }
                    var kept = keys.Where(key => !removed.Contains(key)).ToList();
                    left = kept.Count;
                    return kept;
                }, cancellationToken);
            foreach (var key in removed.Distinct())
            {
                if (parsed.GetValue(GlobalOptions.Json))
                    context.Console.Out.WriteLine(KeysJson.Removed(key));
                else
                    context.Console.Remark($"{key.Caller.Name} is removed.");
            }
            context.Console.Remark(folder.Describe(parsed, "The change"));
            if (left == 0)
                context.Console.Remark("There are no more keys. A gateway on this machine's own address now takes anybody; one on another address takes nobody, and does not start again.");
            return ExitCodes.Success;
        });
        return command;
    }

    private static void Write(CliContext context, IReadOnlyList<AccessKey> keys)
    {
        var now = context.Time.GetUtcNow();
        TableOutput.Write(context.Console, ["NAME", "ID", "?~SCOPES", "?~MODELS", "?>RPM", "?>TPM", "?TENANT", "EXPIRES"], keys.Select(key =>
            (IReadOnlyList<string>)
            [
                key.Caller.Name,
                key.Id,
                string.Join(',', ScopeNames.Of(key.Caller.Scopes)),
                key.Caller.Models.Count == 0 ? "all" : string.Join(' ', key.Caller.Models),
                Number(key.Caller.Limit.RequestsPerMinute),
                Number(key.Caller.Limit.TokensPerMinute),
                key.Caller.Tenant,
                key.Expires is not { } end ? "never" : end <= now ? "expired" : TimeText.Iso(end),
            ]));
    }

    private static string Number(long? value) => value?.ToString(CultureInfo.InvariantCulture) ?? "no limit";
}
