namespace Chasqui.Server;

/// <summary>The parts that lists of models share.</summary>
internal static class ModelJson
{
    /// <param name="json">Where to.</param>
    /// <param name="details">What kind of model it is.</param>
    /// <param name="lengths">Whether the lengths of context and vectors are told; only <c>/api/tags</c> does.</param>
    public static void Details(ref JsonText json, ModelDetails details, bool lengths)
    {
        json.Name("details"u8);
        json.BeginObject();
        json.Name("parent_model"u8);
        json.Value(details.ParentModel);
        json.Name("format"u8);
        json.Value(details.Format);
        json.Name("family"u8);
        json.Value(details.Family);
        json.Name("families"u8);
        json.BeginArray();
        if (details.Family.Length > 0)
            json.Value(details.Family);
        json.EndArray();
        json.Name("parameter_size"u8);
        json.Value(details.ParameterSize);
        json.Name("quantization_level"u8);
        json.Value(details.QuantizationLevel);
        if (lengths)
        {
            MetricsJson.Write(ref json, "context_length"u8, details.ContextLength);
            MetricsJson.Write(ref json, "embedding_length"u8, details.EmbeddingLength);
        }
        json.EndObject();
    }

    public static void Capabilities(ref JsonText json, IReadOnlyList<string> capabilities)
    {
        if (capabilities.Count == 0)
            return;
        json.Name("capabilities"u8);
        json.BeginArray();
        foreach (var capability in capabilities)
            json.Value(capability);
        json.EndArray();
    }
}
