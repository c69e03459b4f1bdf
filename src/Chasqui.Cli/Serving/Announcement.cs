using System.Text;
using System.Text.Json;
using Chasqui.Server;

namespace Chasqui.Cli;

/// <summary>What <c>serve</c> says once it serves.</summary>
internal static class Announcement
{
    private const int MaxModels = 8;

    public static void Write(CliConsole console, IReadOnlyList<Uri> addresses, IReadOnlyList<string> wire, IReadOnlyList<ModelSummary> models, GatewayOptions options)
    {
        var output = console.Out;
        foreach (var address in addresses)
            output.WriteLine($"Chasqui {CliProgram.Version} is listening on {Plain(address)}");
        if (wire.Count > 0)
            output.WriteLine($"MCP on {string.Join(", ", wire)}");
        if (models.Count == 0)
        {
            output.WriteLine($"No models yet: put GGUF files into {(options.Models.Folders.Count > 0 ? options.Models.Folders[0] : "a folder, and name it with --models")}");
        }
        else
        {
            var names = models.Take(MaxModels).Select(model => $"{model.Name} ({HumanText.Size(model.SizeBytes)})");
            output.WriteLine($"Models: {string.Join(", ", names)}{(models.Count > MaxModels ? $", and {models.Count - MaxModels} more" : "")}");
            var model = models.FirstOrDefault(m => ModelNames.Same(m.Name, ModelNames.Shipped)) ?? models[0];
            output.WriteLine("Try:");
            output.WriteLine($"  curl {Plain(Reachable(addresses[0]))}/api/generate -d '{{\"model\":\"{Short(model.Name)}\",\"prompt\":\"Once upon a time\"}}'");
        }
        output.WriteLine("Ctrl-C stops it.");
    }

    /// <summary>One line: <c>{"listening": [URL], "mcp": [ADDRESS], "models": [NAME]}</c>.</summary>
    public static string ToJson(IReadOnlyList<Uri> addresses, IReadOnlyList<string> wire, IReadOnlyList<ModelSummary> models)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteStartArray("listening");
            foreach (var address in addresses)
                json.WriteStringValue(Plain(address));
            json.WriteEndArray();
            json.WriteStartArray("mcp");
            foreach (var address in wire)
                json.WriteStringValue(address);
            json.WriteEndArray();
            json.WriteStartArray("models");
            foreach (var model in models)
                json.WriteStringValue(model.Name);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }

    /// <summary>An address that means all of the machine's cannot be called; this machine can call itself.</summary>
    private static Uri Reachable(Uri address) =>
        address.Host is "0.0.0.0" or "[::]" ? new UriBuilder(address) { Host = "127.0.0.1" }.Uri : address;

    private static string Plain(Uri address) => address.GetLeftPart(UriPartial.Authority);

    private static string Short(string name) =>
        name.EndsWith(":latest", StringComparison.Ordinal) ? name[..^":latest".Length] : name;
}
