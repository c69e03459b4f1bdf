using System.Text.Json;

namespace Chasqui.Engines.Grammars;

/// <summary>A schema inside the document: the element, where it stands, and which of its alternatives are already chosen.</summary>
internal sealed record SchemaPart(JsonElement Element, string Pointer, bool AnyOfChosen = false, bool OneOfChosen = false)
{
    /// <summary>What <c>$ref</c> and <c>allOf</c> lead to is already at hand beside the part.</summary>
    public bool Followed { get; init; }

    /// <summary>Tells the part from all others of the same document.</summary>
    public string Key => Pointer + (AnyOfChosen ? " a" : "") + (OneOfChosen ? " o" : "");

    public SchemaPart Child(string name) => new(Element.GetProperty(name), $"{Pointer}/{Escape(name)}");

    public SchemaPart Child(string name, int index) =>
        new(Element.GetProperty(name)[index], string.Create(null, $"{Pointer}/{Escape(name)}/{index}"));

    public SchemaPart Child(string name, string key, JsonElement value) => new(value, $"{Pointer}/{Escape(name)}/{Escape(key)}");

    /// <summary>A refusal that names the place. Both are cut, because names in them may be as long as the schema.</summary>
    public InvalidFormatException Fail(string message) => new($"format: at {Cut(Pointer, 300)}: {Cut(message, 500)}");

    private static string Cut(string text, int length) => text.Length > length ? text[..length] + "…" : text;

    private static string Escape(string name) =>
        name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);
}
