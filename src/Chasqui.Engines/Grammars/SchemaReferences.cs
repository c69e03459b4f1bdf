using System.Globalization;
using System.Text.Json;

namespace Chasqui.Engines.Grammars;

/// <summary>Finds what <c>$ref</c> names: a place in the same document, written as a JSON pointer (RFC 6901) after a <c>#</c>.</summary>
internal sealed class SchemaReferences(JsonElement root)
{
    public SchemaPart Resolve(SchemaPart from, string reference)
    {
        if (reference is "#" or "#/")
            return new SchemaPart(root, "#");
        if (!reference.StartsWith("#/", StringComparison.Ordinal))
            throw from.Fail($"$ref \"{reference}\" is not supported; only references inside the schema are, e.g. \"#/$defs/name\"");
        var element = root;
        foreach (string part in reference[2..].Split('/'))
        {
            string name = Uri.UnescapeDataString(part).Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            JsonElement? next = element.ValueKind switch
            {
                JsonValueKind.Object when element.TryGetProperty(name, out var value) => value,
                JsonValueKind.Array when int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int index)
                    && index < element.GetArrayLength() => element[index],
                _ => null,
            };
            element = next ?? throw from.Fail($"$ref \"{reference}\" leads nowhere; define it under $defs");
        }

        return new SchemaPart(element, reference);
    }
}
