using System.CommandLine;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Chasqui.Cli;

/// <summary><c>models create</c>: a model from another one, or from a GGUF file of this machine, which is uploaded.</summary>
internal static class CreateVerb
{
    private const long MaxTemplate = 1 << 20;

    public static Command Build(CliContext context)
    {
        var name = new Argument<string>("NAME") { Description = "The new model's name; one that has it is replaced" };
        var from = new Option<string?>("--from") { Description = "The model it is made from", HelpName = "MODEL" };
        var gguf = new Option<string?>("--gguf") { Description = "The GGUF file it is made from; it is uploaded unless the gateway has it", HelpName = "FILE" };
        var system = new Option<string?>("--system", "-s") { Description = "Its system text", HelpName = "TEXT" };
        var template = new Option<string?>("--template") { Description = "A file with its prompt template, in Ollama's language", HelpName = "FILE" };
        var param = new Option<string[]>("--param", "-p")
        {
            Description = "An option of its own, such as temperature=0.2; stop may be given more than once",
            HelpName = "NAME=VALUE",
        };
        var node = ManageVerbs.NodeOption();
        var command = new Command("create", "Make a model of another one, or of a GGUF file") { name, from, gguf, system, template, param, node };
        command.SetAction((parsed, _) =>
        {
            if ((parsed.GetValue(from) is null) == (parsed.GetValue(gguf) is null))
                throw new UsageException("say what it is made from: --from MODEL, or --gguf FILE");
            var request = new CreateRequest
            {
                Model = parsed.GetRequiredValue(name),
                From = parsed.GetValue(from),
                System = parsed.GetValue(system),
                Template = parsed.GetValue(template) is { } file ? ReadTemplate(file) : null,
                Parameters = Parameters(parsed.GetValue(param) ?? []),
            };
            return ModelsVerbs.WithHostAsync(context, parsed, gatewayOnly: false, async (host, cancellationToken) =>
            {
                var manager = host.Manage(parsed.GetValue(node));
                if (parsed.GetValue(gguf) is { } path)
                    request = request with { Files = await UploadAsync(context.Console, manager, path, cancellationToken) };
                var json = parsed.GetValue(GlobalOptions.Json);
                await ProgressReport.RunAsync(context.Console, json, manager.CreateAsync(request, cancellationToken), cancellationToken);
                if (!json)
                    context.Console.Remark($"{request.Model} is there.");
            });
        });
        return command;
    }

    private static async Task<Dictionary<string, string>> UploadAsync(CliConsole console, IModelManager manager, string path, CancellationToken cancellationToken)
    {
        try
        {
            await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.Asynchronous | FileOptions.SequentialScan);
            var name = Path.GetFileName(path);
            var digest = "sha256:" + Convert.ToHexStringLower(await Spinner.RunAsync(console, $"Reading {name}…", SHA256.HashDataAsync(file, cancellationToken).AsTask()));
            if (!await manager.HasBlobAsync(digest, cancellationToken))
            {
                file.Position = 0;
                await Spinner.RunAsync(console, $"Sending {name} ({HumanText.Size(file.Length)})…", SendAsync(manager, digest, file, cancellationToken));
            }
            return new Dictionary<string, string> { [name] = digest };
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException)
        {
            throw new UsageException($"the file {path} cannot be read: {FileProblem.Of(e, path)}");
        }
    }

    private static async Task<bool> SendAsync(IModelManager manager, string digest, FileStream file, CancellationToken cancellationToken)
    {
        await manager.WriteBlobAsync(digest, file, cancellationToken);
        return true;
    }

    private static string ReadTemplate(string path)
    {
        try
        {
            var file = new FileInfo(path);
            if (file.Exists && file.Length > MaxTemplate)
                throw new UsageException($"the template {path} is larger than {HumanText.Size(MaxTemplate)}");
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"the template {path} cannot be read: {FileProblem.Of(e, path)}");
        }
    }

    private static JsonElement? Parameters(string[] given)
    {
        if (given.Length == 0)
            return null;
        var all = new JsonObject();
        foreach (var one in given)
        {
            var at = one.IndexOf('=', StringComparison.Ordinal);
            if (at <= 0)
                throw new UsageException($"--param is '{one}', but must be NAME=VALUE, such as temperature=0.2");
            var (name, value) = (one[..at], Value(one[(at + 1)..]));
            if (name != "stop")
                all[name] = value;
            else if (all[name] is JsonArray stops)
                stops.Add(one[(at + 1)..]);
            else
                all[name] = new JsonArray(one[(at + 1)..]);
        }
        return JsonSerializer.SerializeToElement(all);
    }

    /// <summary>A number or a switch where it is one, else a text.</summary>
    private static JsonNode? Value(string text)
    {
        try
        {
            return JsonNode.Parse(text) is JsonValue value && value.GetValueKind() is JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False ? value : text;
        }
        catch (JsonException)
        {
            return text;
        }
    }
}
