using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Chasqui.Cli;

/// <summary><c>models show</c> for people; in a pipe one fact a line, name and value.</summary>
internal static class ModelSheet
{
    /// <summary>Longest value shown; the JSON has all of it.</summary>
    private const int MaxValue = 100;

    public static void Write(CliConsole console, ModelDescription model)
    {
        var facts = Facts(model).Where(fact => fact.Value.Length > 0).ToList();
        var most = console.OutputIsTerminal ? Math.Max(20, console.Width() - 2 - facts.Max(fact => Cells.Of(fact.Key))) : MaxValue;
        // A path that is cut is of no use.
        TableOutput.Write(console, ["FACT", "VALUE"], facts.Select(fact => (IReadOnlyList<string>)[fact.Key, fact.Key == "path" ? fact.Value : Shorten(fact.Value, Math.Min(most, MaxValue))]));
    }

    private static IEnumerable<KeyValuePair<string, string>> Facts(ModelDescription model)
    {
        var summary = model.Summary;
        var details = summary.Details;
        yield return new("name", summary.Name);
        yield return new("path", model.Path);
        yield return new("size", summary.SizeBytes > 0 ? HumanText.Size(summary.SizeBytes) : "");
        yield return new("format", details.Format);
        yield return new("family", details.Family);
        yield return new("parameters", details.ParameterSize);
        yield return new("quantization", details.QuantizationLevel);
        yield return new("context length", Number(details.ContextLength));
        yield return new("embedding length", Number(details.EmbeddingLength));
        yield return new("capabilities", string.Join(", ", summary.Capabilities));
        yield return new("system", model.System);
        yield return new("template", model.Template.Length == 0 ? "" : FormattableString.Invariant($"{model.Template.Length} characters"));
        yield return new("licence", model.Licenses.Count > 0 ? model.Licenses[0] : "");
        foreach (var (name, value) in model.RawParameters)
            yield return new("parameter " + name, Show(value));
        foreach (var (name, value) in model.Metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            yield return new(name, Show(value));
    }

    private static string Show(JsonNode? value) =>
        value is JsonValue text && text.GetValueKind() == JsonValueKind.String ? text.GetValue<string>() : value?.ToJsonString() ?? "";

    private static string Shorten(string value, int most) => Cells.Shorten(SafeText.OneLine(value), most);

    private static string Number(int value) => value > 0 ? value.ToString(CultureInfo.InvariantCulture) : "";
}
