from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('models', '0002_rules')]

    initial = False

    operations = [
        ops.AddField(
            model_name='Challenge',
            name='tag',
            field=fields.CharField(default='', max_length=2),
        ),
        ops.AddField(
            model_name='Session',
            name='staff',
            field=fields.CharField(null=True, max_length=100),
        ),
        ops.AddField(
            model_name='Session',
            name='staff_reason',
            field=fields.CharField(null=True, max_length=200),
        ),
        ops.AddField(
            model_name='Session',
            name='staff_ticket',
            field=fields.CharField(null=True, max_length=64),
        ),
        ops.AddField(
            model_name='User',
            name='closed_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
    ]
