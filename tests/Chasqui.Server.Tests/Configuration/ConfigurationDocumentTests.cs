namespace Chasqui.Server.Tests;

/// <summary>The table of keys is the truth; run with CHASQUI_WRITE_DOCS=1 to write the files from it anew.</summary>
public sealed class ConfigurationDocumentTests
{
    private const string TableHead = "| --- | --- | --- | --- |\n";

    private static readonly bool _write = Environment.GetEnvironmentVariable("CHASQUI_WRITE_DOCS") == "1";

    [Fact]
    public void The_document_has_a_row_for_each_key_and_no_other()
    {
        var path = Path.Combine(Repository.Root, "docs", "configuration.md");
        var document = File.ReadAllText(path);
        var start = document.IndexOf(TableHead, StringComparison.Ordinal) + TableHead.Length;
        var end = document.IndexOf("\n\n", start - 1, StringComparison.Ordinal) + 1;
        var rows = string.Concat(ConfigurationKey.All.Select(key => $"| `{key.Name}` | {key.Default} | {key.Expected} | {key.Meaning} |\n"));
        if (_write)
            File.WriteAllText(path, document = document[..start] + rows + document[end..]);

        Assert.Equal(rows, document[start..(start + rows.Length)]);
        Assert.Equal('\n', document[start + rows.Length]);
    }

    [Fact]
    public void The_schema_is_the_one_that_the_keys_make()
    {
        var path = Path.Combine(Repository.Root, "chasqui.schema.json");
        if (_write)
            File.WriteAllText(path, ConfigurationSchema.Write());

        Assert.Equal(ConfigurationSchema.Write(), File.ReadAllText(path));
    }

    [Fact]
    public void The_defaults_that_are_told_are_those_that_hold()
    {
        var plain = new GatewayOptions();
        foreach (var key in ConfigurationKey.All.Where(key => key.SchemaType == "integer" || key.Name is "Models:KeepAlive" or "Shutdown:DrainTimeout" or "Http:Endpoints"))
        {
            // Setting a key to its told default changes nothing.
            var set = key.Apply(plain, [key.Default.Split(' ')[0]]);
            Assert.Equal(plain with { Http = plain.Http with { Endpoints = [] } }, set! with { Http = set.Http with { Endpoints = [] } });
            Assert.Equal(plain.Http.Endpoints, set.Http.Endpoints);
        }
    }
}
