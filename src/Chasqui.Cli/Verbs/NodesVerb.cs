using System.CommandLine;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Chasqui.Gateway.Nodes;

namespace Chasqui.Cli;

/// <summary><c>nodes</c>: what runs models for the gateway, and how it is.</summary>
internal static class NodesVerb
{
    private static readonly JsonWriterOptions _json = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Command Build(CliContext context)
    {
        var command = new Command("nodes", "The nodes that run models for the gateway: their state, load and models");
        command.SetAction((parsed, _) => ModelsVerbs.WithHostAsync(context, parsed, gatewayOnly: true, async (host, cancellationToken) =>
        {
            var nodes = await host.NodesAsync(cancellationToken);
            if (parsed.GetValue(GlobalOptions.Json))
                context.Console.Out.WriteLine(ToJson(nodes));
            else if (nodes.Count == 0)
                context.Console.Remark($"{host.Place} has no nodes.");
            else
                Write(context.Console, nodes);
        }));
        return command;
    }

    private static void Write(CliConsole console, IReadOnlyList<GatewayNode> nodes)
    {
        // An Ollama that is looked for without being configured is no node until it is there.
        var missing = nodes.Where(node => node is { IsConfigured: false, Software.Length: 0 } && node.Kind != "embedded").ToList();
        nodes = [.. nodes.Except(missing)];
        TableOutput.Write(console, ["NAME", "STATE", "?~SOFTWARE", ">BUSY", "?>MODELS", "?>IN MEMORY", "URL"], nodes.Select(node =>
            (IReadOnlyList<string>)
            [
                node.Name,
                node.State,
                node.Software.Length > 0 ? node.Software : node.Kind == "auto" ? "unknown" : node.Kind,
                node.Slots is { } slots ? FormattableString.Invariant($"{node.InFlight}/{slots}") : FormattableString.Invariant($"{node.InFlight}"),
                FormattableString.Invariant($"{node.Models.Count}"),
                FormattableString.Invariant($"{node.Resident.Count}"),
                node.Url,
            ]));
        // A failure is a sentence, too long for a table.
        foreach (var node in nodes.Where(node => node.LastFailure.Length > 0))
            console.Remark($"{node.Name}: {SafeText.OneLine(NodeFailure.Reason(node.Name, node.LastFailure))}");
        foreach (var node in missing)
            console.Remark($"No Ollama answers at {node.Url}; one that is started there is used by itself.");
        if (GatewayNode.AllDown(nodes) is not null)
            console.Remark(nodes.Any(node => node.Kind == "embedded") ? "All nodes beside the embedded engine are down." : "All nodes are down.");
    }

    private static string ToJson(IReadOnlyList<GatewayNode> nodes)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, _json))
        {
            json.WriteStartArray();
            foreach (var node in nodes)
                node.Json.WriteTo(json);
            json.WriteEndArray();
        }
        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
