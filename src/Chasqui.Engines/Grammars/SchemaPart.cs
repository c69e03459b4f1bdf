using System.Globalization;
using System.Text.Json;

namespace Chasqui.Engines.Grammars;

/// <summary>A schema inside the document: the element, where it stands, and which of its alternatives are already chosen.</summary>
internal sealed record SchemaPart(JsonElement Element, string Pointer, bool AnyOfChosen = false, bool OneOfChosen = false)
{
    /// <summary>Characters of a place; each of thousands of schemas has its own.</summary>
    private const int MaxPointer = 4096;

    /// <summary>Where it stands.</summary>
    public string Pointer { get; init; } = Pointer.Length <= MaxPointer ? Pointer : throw new InvalidFormatException(string.Create(
        CultureInfo.InvariantCulture, $"format: at {Cut(Pointer, 300)}: the names on the way to this place have more than {MaxPointer} characters; use shorter ones"));

    /// <summary>What <c>$ref</c> and <c>allOf</c> lead to is already at hand beside the part.</summary>
    public bool Followed { get; init; }

    /// <summary>Tells the part from all others of the same document.</summary>
    public string Key => Pointer + (AnyOfChosen ? " a" : "") + (OneOfChosen ? " o" : "");

    public SchemaPart Child(string name) => new(Element.GetProperty(name), $"{Pointer}/{Escape(name)}");

    /// <summary>The items of an array, each looked for once.</summary>
    public IEnumerable<SchemaPart> Children(string name) =>
        Element.GetProperty(name).EnumerateArray().Select((item, index) => new SchemaPart(item, string.Create(null, $"{Pointer}/{Escape(name)}/{index}")));

    public SchemaPart Child(string name, string key, JsonElement value) => new(value, $"{Pointer}/{Escape(name)}/{Escape(key)}");

    /// <summary>A refusal that names the place. Both are cut, because names in them may be as long as the schema.</summary>
    public InvalidFormatException Fail(string message) => new($"format: at {Cut(Pointer, 300)}: {Cut(message, 500)}");

    private static string Cut(string text, int length) => text.Length > length ? text[..length] + "…" : text;

    private static string Escape(string name) =>
        name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);
}
