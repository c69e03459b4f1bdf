using System.Text.Json;

namespace Chasqui.Server;

/// <summary>A block of content as it was sent; what it does not have is empty.</summary>
internal sealed class ContentBlock
{
    private string _type = "";
    private string _text = "";
    private string _thinking = "";
    private string _id = "";
    private string _name = "";
    private string _toolUseId = "";

    private ContentBlock() { }

    public string Type => _type;

    public string Text => _text;

    public string Thinking => _thinking;

    public string Id => _id;

    public string Name => _name;

    public string ToolUseId => _toolUseId;

    public JsonElement Input { get; private set; }

    public JsonElement Content { get; private set; }

    public JsonElement Source { get; private set; }

    public static ContentBlock Read(string field, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object)
            throw Field.WrongType(field, "an array of blocks, each an object with a \"type\"", value);
        var block = new ContentBlock();
        foreach (var member in value.EnumerateObject())
        {
            switch (member.Name.ToLowerInvariant())
            {
                case "type":
                    Field.Read("type", member.Value, ref block._type);
                    break;
                case "text":
                    Field.Read("text", member.Value, ref block._text);
                    break;
                case "thinking":
                    Field.Read("thinking", member.Value, ref block._thinking);
                    break;
                case "id":
                    Field.Read("id", member.Value, ref block._id);
                    break;
                case "name":
                    Field.Read("name", member.Value, ref block._name);
                    break;
                case "tool_use_id":
                    Field.Read("tool_use_id", member.Value, ref block._toolUseId);
                    break;
                case "input":
                    block.Input = member.Value;
                    break;
                case "content":
                    block.Content = member.Value;
                    break;
                case "source":
                    block.Source = member.Value;
                    break;
            }
        }
        return block;
    }

    /// <summary>The image of a block, as its file's bytes.</summary>
    public byte[] Image()
    {
        var type = "";
        JsonElement data = default;
        foreach (var member in Field.Members("source", Source.ValueKind == JsonValueKind.Undefined ? throw NoSource() : Source))
        {
            if (member.Name.Equals("type", StringComparison.OrdinalIgnoreCase))
                Field.Read("source.type", member.Value, ref type);
            else if (member.Name.Equals("data", StringComparison.OrdinalIgnoreCase))
                data = member.Value;
        }
        if (type != "base64")
            throw new InvalidRequestException($"invalid image source type: {Field.Clip(type)}. Only base64 images are supported.");
        return data.ValueKind == JsonValueKind.Undefined ? throw NoSource() : Field.Base64("source.data", data);
    }

    private static InvalidRequestException NoSource() =>
        new("an image block needs a \"source\", such as {\"type\": \"base64\", \"media_type\": \"image/png\", \"data\": …}");
}
