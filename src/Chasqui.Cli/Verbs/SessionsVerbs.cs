using System.CommandLine;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Chasqui.Cli;

/// <summary><c>sessions …</c>: the conversations that a gateway keeps.</summary>
internal static class SessionsVerbs
{
    private static readonly JsonWriterOptions _json = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private const string Root = "api/sessions";

    public static Command Build(CliContext context) => new("sessions", "List, show, fork, export, remove and follow the conversations that a gateway keeps")
    {
        List(context), Show(context), Fork(context), Export(context), Remove(context), Follow(context),
    };

    private static Command List(CliContext context)
    {
        var limit = new Option<int?>("--limit") { Description = "How many, the last changed first (default 100)", HelpName = "N", CustomParser = ParseErrors.Number<int>("--limit") };
        var command = new Command("list", "The sessions, the one that was changed last first") { limit };
        command.Aliases.Add("ls");
        command.SetAction((parsed, _) => WithGatewayAsync(context, parsed, async (gateway, cancellationToken) =>
        {
            var most = parsed.GetValue(limit) ?? 100;
            if (most is < 1 or > 1_000)
                throw new UsageException(FormattableString.Invariant($"--limit is {most}, but must be from 1 to 1000"));
            using var answer = await AskAsync(gateway, "GET", FormattableString.Invariant($"{Root}?limit={most}"), null, cancellationToken);
            if (parsed.GetValue(GlobalOptions.Json))
            {
                context.Console.Out.WriteLine(Indented(answer.RootElement));
                return;
            }
            List<JsonElement> sessions = [.. answer.RootElement.Items("sessions")];
            if (sessions.Count == 0)
            {
                context.Console.Remark($"{gateway.Place} keeps no sessions. A chat that names one makes it: send the header X-Chasqui-Session: NAME with it.");
                return;
            }
            TableOutput.Write(context.Console, ["ID", "?~TITLE", "?>VERSION", ">TURNS", "?>TOKENS", "?MODE", "CHANGED"], sessions.Select(session => (IReadOnlyList<string>)
            [
                session.Text("id"),
                SafeText.OneLine(session.Text("title")),
                FormattableString.Invariant($"{session.Number("version")}"),
                FormattableString.Invariant($"{session.Number("message_count")}"),
                FormattableString.Invariant($"{session.Number("tokens")}"),
                session.Text("mode"),
                TimeText.When(context, session.Time("updated_at")),
            ]));
            if (answer.RootElement.Text("next").Length > 0)
                context.Console.Remark("There are more: --limit N shows them.");
        }));
        return command;
    }

    private static Command Show(CliContext context)
    {
        var id = Id();
        var command = new Command("show", "A session with its turns") { id };
        command.SetAction((parsed, _) => WithGatewayAsync(context, parsed, async (gateway, cancellationToken) =>
        {
            using var answer = await AskAsync(gateway, "GET", PathOf(parsed.GetRequiredValue(id)), null, cancellationToken);
            if (parsed.GetValue(GlobalOptions.Json))
                context.Console.Out.WriteLine(Indented(answer.RootElement));
            else
                SessionText.WriteSession(context.Console, answer.RootElement);
        }));
        return command;
    }

    private static Command Fork(CliContext context)
    {
        var id = Id();
        var version = new Option<long?>("--at") { Description = "The last version that both shall have (default: all of it)", HelpName = "VERSION", CustomParser = ParseErrors.Number<long>("--at") };
        var name = new Option<string?>("--id") { Description = "The new session's id (default: one that nobody can guess)", HelpName = "ID" };
        var title = new Option<string?>("--title") { Description = "The new session's title", HelpName = "TEXT" };
        var command = new Command("fork", "Make a session that begins as another one does") { id, version, name, title };
        command.SetAction((parsed, _) => WithGatewayAsync(context, parsed, async (gateway, cancellationToken) =>
        {
            var body = Body(json =>
            {
                if (parsed.GetValue(version) is { } at)
                    json.WriteNumber("version", at);
                if (parsed.GetValue(name) is { } chosen)
                    json.WriteString("id", chosen);
                if (parsed.GetValue(title) is { } text)
                    json.WriteString("title", text);
            });
            using var answer = await AskAsync(gateway, "POST", PathOf(parsed.GetRequiredValue(id)) + "/fork", body, cancellationToken);
            context.Console.Out.WriteLine(parsed.GetValue(GlobalOptions.Json) ? Indented(answer.RootElement) : answer.RootElement.Text("id"));
        }));
        return command;
    }

    private static Command Export(CliContext context)
    {
        var id = Id();
        var output = new Option<string?>("--output", "-o") { Description = "The file (default: standard output)", HelpName = "FILE" };
        var command = new Command("export", "A session as lines of JSON, a line for each change") { id, output };
        command.SetAction((parsed, _) => WithGatewayAsync(context, parsed, async (gateway, cancellationToken) =>
        {
            var lines = await gateway.AskAsync("GET", PathOf(parsed.GetRequiredValue(id)) + "/export", null, cancellationToken);
            if (parsed.GetValue(output) is { } file)
                await WriteAsync(file, lines, cancellationToken);
            else
                context.Console.Out.Write(Encoding.UTF8.GetString(lines));
        }));
        return command;
    }

    private static Command Remove(CliContext context)
    {
        var ids = new Argument<string[]>("ID") { Description = "Ids of sessions", Arity = ArgumentArity.OneOrMore };
        var command = new Command("rm", "Remove sessions with all their turns") { ids };
        command.Aliases.Add("remove");
        command.SetAction((parsed, _) => WithGatewayAsync(context, parsed, async (gateway, cancellationToken) =>
        {
            foreach (var id in parsed.GetRequiredValue(ids))
            {
                await gateway.AskAsync("DELETE", PathOf(id), null, cancellationToken);
                if (parsed.GetValue(GlobalOptions.Json))
                    context.Console.Out.WriteLine($"{{\"id\":{JsonSerializer.Serialize(id)},\"removed\":true}}");
                else
                    context.Console.Remark($"{id} is removed.");
            }
        }));
        return command;
    }

    private static Command Follow(CliContext context)
    {
        var id = Id();
        var after = new Option<long?>("--after") { Description = "The last version that you know (default: all is shown)", HelpName = "VERSION", CustomParser = ParseErrors.Number<long>("--after") };
        var command = new Command("follow", "Show a session and whatever comes, until it is removed or Ctrl-C; a connection that breaks is made again") { id, after };
        command.SetAction((parsed, _) => WithGatewayAsync(context, parsed, (gateway, cancellationToken) => new SessionFollower(context, gateway, parsed.GetValue(GlobalOptions.Json))
            .RunAsync(parsed.GetRequiredValue(id), Math.Max(0, parsed.GetValue(after) ?? 0), cancellationToken)));
        return command;
    }

    private static Task<int> WithGatewayAsync(CliContext context, ParseResult parsed, Func<IGatewayHost, CancellationToken, Task> run) =>
        ModelsVerbs.WithHostAsync(context, parsed, gatewayOnly: true, (host, cancellationToken) => host is IGatewayHost gateway
            ? run(gateway, cancellationToken)
            : throw new CliException($"{host.Place} keeps no sessions"));

    private static Argument<string> Id() => new("ID") { Description = "The session" };

    private static string PathOf(string id) => $"{Root}/{Uri.EscapeDataString(id)}";

    private static async Task<JsonDocument> AskAsync(IGatewayHost gateway, string method, string path, byte[]? body, CancellationToken cancellationToken)
    {
        try
        {
            return JsonDocument.Parse(await gateway.AskAsync(method, path, body, cancellationToken));
        }
        catch (JsonException e)
        {
            throw new CliException($"{gateway.Place} answered /{path} with no JSON; is it a Chasqui of this version?", inner: e);
        }
    }

    private static async Task WriteAsync(string file, byte[] lines, CancellationToken cancellationToken)
    {
        try
        {
            await File.WriteAllBytesAsync(file, lines, cancellationToken);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"the file {file} cannot be written: {FileProblem.Of(e, file)}");
        }
    }

    private static byte[] Body(Action<Utf8JsonWriter> write)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }
        return stream.ToArray();
    }

    private static string Indented(JsonElement json)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, _json))
            json.WriteTo(writer);
        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
